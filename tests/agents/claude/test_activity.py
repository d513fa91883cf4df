"""U1, U2, P12: what counts as healthy silence, and when the work is really finished."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cc_executor.agents.base import Activity
from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.specs import TaskSpec
from tests.agents.claude_runs import TABLE, spec_of, stdout_of

FINISHED = Activity(finished=True)
WORKING = Activity()


def after_each(lines: list[bytes], spec: TaskSpec | None = None) -> list[Activity]:
    reader = ClaudeReader(spec or TaskSpec(prompt="x"))
    seen = []
    for line in lines:
        reader.feed("stdout", line)
        seen.append(reader.activity)
    return seen


def run(name: str) -> list[Activity]:
    return after_each(stdout_of(name).splitlines(keepends=True), spec_of(name))


def told(*messages: dict[str, Any]) -> Activity:
    return after_each([json.dumps(message).encode() + b"\n" for message in messages])[-1]


INIT = {"type": "system", "subtype": "init"}
RESULT = {"type": "result", "subtype": "success", "is_error": False}


def call(tool_id: str, *, message: str = "m1", parent: str | None = None) -> dict[str, Any]:
    block = {"type": "tool_use", "id": tool_id, "name": "Bash", "input": {}}
    said = {"id": message, "content": [block]}
    return {"type": "assistant", "message": said, "parent_tool_use_id": parent}


def end(tool_id: str) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": tool_id, "content": ""}
    return {"type": "user", "message": {"content": [block]}}


def background(*task_ids: str) -> dict[str, Any]:
    tasks = [{"task_id": task_id} for task_id in task_ids]
    return {"type": "system", "subtype": "background_tasks_changed", "tasks": tasks}


def test_a_plain_run_is_finished_with_its_result_and_not_before() -> None:
    assert run("hello_stream") == [WORKING, WORKING, FINISHED]


#: It was ended when its background tool had just been: a turn that tells the model of it never came.
CUT_SHORT = {"sig_term_bgtool"}


def test_every_run_that_gave_its_last_result_is_finished_and_no_other() -> None:
    for name, row in TABLE.items():
        seen = run(name)
        if seen:
            assert seen[-1].finished == (row.results > 0 and name not in CUT_SHORT), name


def test_nothing_is_ever_held_and_finished_at_once() -> None:
    for name in TABLE:
        assert not any(seen.finished and seen.hold for seen in run(name)), name


def test_silence_is_healthy_while_a_tool_runs() -> None:
    tool = Activity(hold="tool Bash")

    assert run("bash_sleep5") == [WORKING, tool, tool, tool, WORKING, WORKING, FINISHED]
    assert run("sig_kill_tool")[-1] == tool


def test_of_parallel_tools_all_must_end() -> None:
    assert told(call("a"), call("b"), end("a")).hold == "tool Bash"
    assert told(call("a"), call("b"), end("b"), end("a")) == WORKING


def test_a_tool_whose_end_was_lost_does_not_hold_for_ever() -> None:
    assert told(call("a"), call("b", message="m2"), end("b")) == WORKING
    # But what another thread asked for is not over because this one goes on.
    assert told(call("a"), call("b", message="m2", parent="a"), end("b")).hold == "tool Bash"


def test_a_retry_holds_for_as_long_as_it_waits() -> None:
    first, second = (at for at in run("err_429_2x_ra2") if at.hold)

    assert (first.hold, second.hold) == ("api retry 1", "api retry 2")
    assert first.hold_s == 2.231 or (first.hold_s is not None and 2.0 < first.hold_s < 3.0)
    assert run("err_429_2x_ra2")[-2] == WORKING  # the model has answered


def test_a_limit_holds_until_it_is_lifted_or_the_model_answers() -> None:
    def limit(status: str) -> dict[str, Any]:
        return {"type": "rate_limit_event", "rate_limit_info": {"status": status}}

    spoken = {"type": "assistant", "message": {"content": [{"type": "text", "text": "x"}]}}

    assert told(INIT, limit("rejected")).hold == "usage limit"
    assert told(INIT, limit("allowed_warning")) == WORKING
    assert told(INIT, limit("rejected"), limit("allowed")) == WORKING
    assert told(INIT, limit("rejected"), spoken) == WORKING


def test_pings_change_nothing() -> None:
    retry = {"type": "system", "subtype": "api_retry", "retry_delay_ms": 1000}
    pings: list[dict[str, Any]] = [
        {"type": "system", "subtype": "status"},
        {"type": "stream_event", "event": {"type": "ping"}},
        {"type": "keep_alive"},
    ]

    assert told(INIT, retry, *pings) == Activity(hold="api retry 1", hold_s=1.0)


def test_a_run_is_not_finished_while_a_background_tool_runs() -> None:
    waiting = Activity(hold="background task")
    lines = stdout_of("bash_background").splitlines()
    first_result = next(at for at, line in enumerate(lines) if b'"result_index":0' in line)
    tasks_gone = next(at for at, line in enumerate(lines) if b'"tasks":[]' in line)

    seen = run("bash_background")

    assert seen[first_result] == waiting
    assert set(seen[first_result:tasks_gone]) == {waiting}
    # The turn that tells the model of its end has not begun, but will.
    assert seen[tasks_gone:] == [WORKING, WORKING, WORKING, FINISHED]


def test_a_result_held_back_until_the_next_turn_began_finishes_nothing() -> None:
    # The first result of a run with a background agent comes when its second turn is over.
    assert [at.finished for at in run("agent_background")][-2:] == [False, True]


def test_a_background_task_is_no_excuse_while_the_model_works() -> None:
    assert told(INIT, background("server")) == WORKING
    assert told(INIT, background("server"), RESULT).hold == "background task"


def test_an_older_cli_that_reports_tasks_one_by_one() -> None:
    started = {
        "type": "system",
        "subtype": "task_started",
        "task_id": "a",
        "is_backgrounded": True,
    }
    running = {"type": "system", "subtype": "task_updated", "task_id": "a", "patch": {}}
    killed = {**running, "patch": {"status": "killed"}}
    noticed = {"type": "system", "subtype": "task_notification", "task_id": "a"}

    assert told(INIT, started, running, RESULT).hold == "background task"
    assert told(INIT, started, RESULT, killed) == FINISHED
    assert told(INIT, started, RESULT, noticed) == FINISHED
    assert told(INIT, {**started, "is_backgrounded": False}, RESULT) == FINISHED


def test_a_scheduled_wakeup_is_waited_for() -> None:
    seen = run("schedule_wakeup")

    assert [at.hold for at in seen].count("scheduled wakeup") == 2  # until the second turn begins
    assert [at.finished for at in seen] == [False] * (len(seen) - 2) + [True, True]


def test_a_wakeup_outlives_the_turns_that_something_else_began() -> None:
    asked = {"type": "user", "message": {"content": []}, "tool_use_result": {"scheduledFor": 1}}
    noticed = {**RESULT, "origin": {"kind": "task-notification"}}

    assert told(INIT, asked, RESULT, INIT, noticed).hold == "scheduled wakeup"
    assert told(INIT, asked, RESULT, INIT, noticed, INIT, RESULT) == FINISHED


def test_a_new_turn_takes_the_end_back() -> None:
    assert told(INIT, RESULT) == FINISHED
    assert told(INIT, RESULT, INIT) == WORKING
    assert told(INIT, RESULT, INIT, RESULT) == FINISHED
    assert told(INIT, {**RESULT, "queued_turn_count": 1}) == WORKING


def test_a_result_that_was_lost_is_made_up_for_by_the_index_of_the_next() -> None:
    assert told(INIT, INIT, {**RESULT, "result_index": 0}) == WORKING
    assert told(INIT, INIT, {**RESULT, "result_index": 1}) == FINISHED


@given(
    st.lists(st.sampled_from([INIT, RESULT, call("a"), end("a"), background("t"), background()]))
)
def test_a_finished_run_has_no_open_tool_and_no_background_task(
    messages: list[dict[str, Any]],
) -> None:
    if messages and told(*messages).finished:
        last = [message for message in messages if message in (INIT, RESULT, call("a"))][-1]
        assert last == RESULT
        running = [
            message for message in messages if message.get("subtype") == "background_tasks_changed"
        ]
        assert not running or running[-1] == background()
