"""Each command, on a client that is a fake: what it asks for, what it prints, how it exits."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cc_executor.errors import AgentNotInstalled, InvalidSpec, NothingToContinue
from cc_executor.model.events import (
    AgentEvent,
    Cursor,
    FromAgent,
    Output,
    ResultReported,
    StreamEvent,
    Turn,
)
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Changes
from tests.cli.conftest import Run
from tests.cli.fakes import AT, ID, FakeExecutor, execution, lifecycle, outcome, task

FAILED = execution(task(ended=outcome(TaskState.FAILED, Failure.NO_RESULT, text="I was abou")))
CANCELLED = execution(task(ended=outcome(TaskState.CANCELLED, Failure.CANCELLED)))
ANSWERED = execution(task(ended=outcome(text="Hello.")))


def agent(event: AgentEvent) -> FromAgent:
    return FromAgent(task_id=f"{ID}.1", attempt=1, seq=0, at=AT, event=event)


def output(data: bytes, stream: Any = "stdout", *, number: int = 1) -> Output:
    return Output(
        task_id=f"{ID}.{number}",
        attempt=1,
        seq=0,
        offset=0,
        at=AT,
        stream=stream,
        data=data,
    )


# --- run, continue, submit -------------------------------------------------------------------------


def test_run_prints_the_answer_on_stdout_and_the_rest_on_stderr(run: Run) -> None:
    executor = FakeExecutor(ended=ANSWERED, events=(lifecycle("task.succeeded"),))

    said = run(["run", "Say hello.", "--model", "opus", "-w", "/w", "--id", "mine"], executor)

    assert (said.code, said.out) == (0, "Hello.\n")
    assert said.err.startswith(f"execution {ID}\n")
    assert f"look again: cc-executor show {ID}" in said.err
    assert executor.calls("submit") == [
        {
            "tasks": {"tasks": [{"prompt": "Say hello."}], "defaults": {"model": "opus"}},
            "workspace": "/w",
            "execution_id": "mine",
            "sequential": True,
            "stop_on_failure": None,
            "detached": False,
        }
    ]
    assert executor.closed


def test_run_json_prints_one_object_whatever_came_of_it(run: Run) -> None:
    said = run(["run", "--json", "x"], FakeExecutor(ended=FAILED))

    assert said.code == 1
    assert json.loads(said.out) == FAILED.to_json()
    assert said.err == f"execution {ID}\n"


def test_run_events_prints_each_event_on_a_line(run: Run) -> None:
    events = (lifecycle("task.started", seq=1), output(b"x"), lifecycle("task.succeeded", seq=2))

    said = run(["run", "--events", "--", "x"], FakeExecutor(events=events))

    assert [json.loads(line)["type"] for line in said.out.splitlines()] == [
        "lifecycle",
        "output",
        "lifecycle",
    ]


def test_a_failed_prompt_leaves_stdout_empty_and_says_why(run: Run) -> None:
    said = run(["run", "-q", "x"], FakeExecutor(ended=FAILED))

    assert (said.code, said.out) == (1, "")
    assert "no_result" in said.err


def test_run_passes_a_programs_output_through(run: Run) -> None:
    accepted = execution(task(command=["wc", "-l"]))
    ended = execution(task(command=["wc", "-l"], ended=outcome(text="3\n")))
    events = (output(b"3\n"), output(b"oops\n", "stderr"))
    executor = FakeExecutor(accepted=accepted, ended=ended, events=events)

    said = run(["run", "-q", "--command", "--", "wc", "-l"], executor)

    assert (said.code, said.out, said.err) == (0, "3\n", "oops\n")
    [asked] = executor.calls("submit")
    assert asked["tasks"]["tasks"] == [{"command": ["wc", "-l"]}]


def test_json_and_events_exclude_each_other(run: Run) -> None:
    executor = FakeExecutor()

    said = run(["run", "--json", "--events", "x"], executor)

    assert said.code == 2
    assert "exclude each other" in said.err
    assert executor.said == []


def test_a_prompt_comes_from_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = FakeExecutor(ended=ANSWERED)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Say\nhello.")))

    said = run(["run", "-q", "-"], executor)

    assert said.code == 0
    [asked] = executor.calls("submit")
    assert asked["tasks"]["tasks"] == [{"prompt": "Say\nhello."}]


def test_without_prompt_pipe_and_file_there_is_nothing_to_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    said = run(["run"], FakeExecutor())

    assert said.code == 2
    assert "Give a prompt" in said.err


def test_a_bad_task_file_is_refused_with_its_place(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text("tasks:\n  - promt: hello\n")
    executor = FakeExecutor()

    said = run(["run", "-f", str(file)], executor)

    assert said.code == 2
    assert re.match(rf"error: {file}:2:\d+: .*\[task_file\.invalid\]\n  hint: ", said.err)
    assert executor.said == []


def test_continue_runs_what_is_left_and_exits_as_it_ends(run: Run) -> None:
    executor = FakeExecutor(ended=FAILED)

    said = run(["continue", ID, "--json"], executor)

    assert said.code == 1
    assert executor.calls("continue_") == [{"execution_id": ID, "detached": False}]


def test_continue_detached_hands_it_over(run: Run) -> None:
    executor = FakeExecutor()

    said = run(["continue", "--detach", ID], executor)

    assert (said.code, said.out, said.err) == (0, f"{ID}\n", "")
    assert executor.calls("continue_") == [{"execution_id": ID, "detached": True}]
    assert executor.calls("wait") == []


def test_what_has_nothing_left_is_refused(run: Run) -> None:
    refusal = NothingToContinue(ID, "succeeded")

    said = run(["continue", ID], FakeExecutor(refuses={"continue_": refusal}))

    assert said.code == 3
    assert "[execution.nothing_to_continue]" in said.err


def test_submit_prints_which_execution_it_is_and_waits_for_nothing(run: Run) -> None:
    executor = FakeExecutor()

    said = run(["submit", "x"], executor)
    as_json = run(["submit", "--json", "x"], executor)

    assert said == (0, f"{ID}\n", "")
    assert json.loads(as_json.out) == executor.accepted.to_json()
    assert [asked["detached"] for asked in executor.calls("submit")] == [True, True]
    assert executor.calls("wait") == []


# --- refusals ----------------------------------------------------------------------------------


def test_a_refusal_is_an_object_when_a_program_reads(run: Run) -> None:
    refusal = InvalidSpec("tasks[0]", "no")

    said = run(["run", "--json", "x"], FakeExecutor(refuses={"submit": refusal}))

    assert (said.code, said.err) == (2, "")
    assert json.loads(said.out)["error"]["code"] == "spec.invalid"


def test_what_the_machine_lacks_is_refused_with_a_hint(run: Run) -> None:
    refusal = AgentNotInstalled("claude", ("PATH",), hint="Install it.")

    said = run(["run", "x"], FakeExecutor(refuses={"submit": refusal}))

    assert (said.code, said.out) == (3, "")
    assert "[agent.not_installed]\n  hint: Install it.\n" in said.err


def test_a_bug_is_shown_whole_and_has_a_code_of_its_own(run: Run) -> None:
    class Broken(FakeExecutor):
        async def history(self, *, limit: int = 100) -> Any:
            raise KeyError(limit)

    said = run(["history"], Broken())

    assert said.code == 70
    assert "KeyError: 20" in said.err
    assert "this is a bug in cc-executor" in said.err


# --- control -----------------------------------------------------------------------------------

CONTROLS = [
    (["pause", ID], TaskState.PAUSED, {"of": ID}),
    (["resume", f"{ID}.1"], TaskState.RUNNING, {"of": f"{ID}.1"}),
    (["cancel", ID], TaskState.CANCELLED, {"of": ID, "now": False}),
    (["cancel", "--now", ID], TaskState.CANCELLED, {"of": ID, "now": True}),
]


@pytest.mark.parametrize(("arguments", "state", "wish"), CONTROLS, ids=str)
def test_control_prints_the_state_that_it_has_brought_about(
    run: Run, arguments: list[str], state: TaskState, wish: dict[str, Any]
) -> None:
    executor = FakeExecutor(ended=execution(task(state=state)))

    said = run(arguments, executor)

    assert (said.code, said.out, said.err) == (0, f"{wish['of']} {state}\n", "")
    assert executor.calls(arguments[0]) == [wish]


@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
def test_what_ended_first_was_not_controlled(run: Run, command: str) -> None:
    said = run([command, ID], FakeExecutor(ended=ANSWERED))

    assert (said.code, said.out) == (3, "")
    assert f"cannot {command} what is succeeded [state.invalid_transition]" in said.err


def test_a_list_of_which_one_task_failed_before_can_still_be_cancelled(run: Run) -> None:
    failed = task(1, ended=outcome(TaskState.FAILED, Failure.NO_RESULT))
    cancelled = task(2, ended=outcome(TaskState.CANCELLED, Failure.CANCELLED))

    said = run(["cancel", ID], FakeExecutor(ended=execution(failed, cancelled)))

    assert (said.code, said.out) == (0, f"{ID} failed\n")


def test_control_json_prints_the_execution(run: Run) -> None:
    said = run(["cancel", "--json", ID], FakeExecutor(ended=CANCELLED))

    assert json.loads(said.out) == CANCELLED.to_json()


# --- looking -----------------------------------------------------------------------------------


def test_ps_lists_only_what_runs_unless_all_are_asked_for(run: Run) -> None:
    running = FakeExecutor(
        ended=execution(task(1, "api", state=TaskState.RUNNING, started_at=AT)),
        events=(lifecycle("task.started"), lifecycle("attempt.starting", attempt=1)),
    )

    heading, row = run(["ps"], running).out.splitlines()
    nothing = run(["ps"], FakeExecutor(ended=FAILED)).out.splitlines()
    everything = run(["ps", "--all", "--limit", "7"], FakeExecutor(ended=FAILED)).out.splitlines()

    assert heading.split()[:3] == ["EXECUTION", "STATE", "TASKS"]
    assert row.split()[:4] == [ID, "running", "0/1", "api"]
    assert len(nothing) == 1
    assert everything[1].split()[1] == "failed"


def test_ps_tells_how_far_each_is_and_what_waits_for_what(run: Run) -> None:
    band = {
        "duration_s": {"p50": 180.0, "p90": 420.0, "p99": 900.0},
        "timeout_s": 1e3,
        "observations": 9,
    }
    of = execution(task(1, "api", state=TaskState.RUNNING, started_at=AT), task(2, "tests"))
    begun = (
        lifecycle("task.started", 1),
        lifecycle("attempt.starting", 2, attempt=1, forecast=band),
        lifecycle("attempt.started", 10, attempt=1),
        agent(Turn()),
    )
    result = agent(ResultReported(is_error=False, cost_usd=0.25))
    waiting = lifecycle("task.waiting", 3, reason="usage_window")

    def row(*events: StreamEvent) -> str:
        return run(["ps"], FakeExecutor(ended=of, events=events)).out.splitlines()[1]

    assert "  0/2    api 50s of 3m..7m  1      ?  " in row(*begun)
    assert "  0/2    api 50s of 3m..7m  1      $0.2500 so far  " in row(*begun, result)
    assert "  0/2    api waits: usage window  -      -  " in row(waiting)


def test_ps_json_has_the_progress_of_what_has_not_ended(run: Run) -> None:
    of = execution(task(1, "api", state=TaskState.RUNNING, started_at=AT))
    executor = FakeExecutor(ended=of, events=(lifecycle("task.started"), agent(Turn())))

    [told] = json.loads(run(["ps", "--json"], executor).out)

    [progress] = told["progress"]
    assert (progress["name"], progress["turns"], progress["cost_usd"]) == ("api", 1, None)
    assert {**of.to_json(), "progress": told["progress"]} == told


def test_ps_json_is_an_array_of_executions(run: Run) -> None:
    said = run(["ps", "--all", "--json"], FakeExecutor(ended=FAILED))

    assert json.loads(said.out) == [FAILED.to_json()]


def test_show_tells_what_is_known_of_an_execution(run: Run) -> None:
    ended = execution(
        task(1, "api", ended=outcome(text="It is done.\n\x1b[2J", cost_usd=0.5)),
        task(2, "tests", ended=outcome(TaskState.FAILED, Failure.NO_RESULT, text="I was abou")),
        title="todo",
    )

    said = run(["show", "01te"], FakeExecutor(ended=ended))

    assert said.code == 0
    assert "  title      todo\n" in said.out
    assert "  api:\n    It is done.\n    \ufffd[2J\n" in said.out
    assert "  tests, the last it said:\n    I was abou\n" in said.out
    assert "\x1b" not in said.out


def test_show_tells_everything_of_one_task(run: Run) -> None:
    ended = outcome(
        TaskState.FAILED,
        Failure.EXIT_STATUS,
        exit_code=3,
        message="exit status 3",
        changes=Changes(created=("a.py",), modified=tuple(f"m{n}" for n in range(60))),
    )
    executor = FakeExecutor(ended=execution(task(1), task(2, "tests", ended=ended)))

    said = run(["show", f"{ID}.tests"], executor)

    assert said.out.startswith(f"{ID}.2 tests failed\n")
    facts = [line.split(maxsplit=1) for line in said.out.splitlines()[1:]]
    assert ["why", "exit_status: exit status 3"] in facts
    assert ["executed", "ended by exit, exit code 3"] in facts
    assert ["created", "a.py"] in facts
    assert "... and 10 more (--json has them all)" in said.out


@pytest.mark.parametrize("of", [ID, f"{ID}.1"], ids=["execution", "task"])
def test_show_json_is_the_object_of_the_surfaces(run: Run, of: str) -> None:
    said = run(["show", "--json", of], FakeExecutor(ended=ANSWERED))

    whole = ANSWERED.to_json()
    expected = whole if of == ID else {"execution_id": ID, **whole["tasks"][0]}
    assert json.loads(said.out) == expected


@pytest.mark.parametrize(
    ("of", "code"), [("99", "execution.not_found"), (f"{ID}.nope", "task.not_found")]
)
def test_what_is_not_there_is_refused(run: Run, of: str, code: str) -> None:
    said = run(["show", of], FakeExecutor(ended=ANSWERED))

    assert (said.code, said.out) == (3, "")
    assert f"[{code}]" in said.err


def test_history_lists_and_exports(run: Run) -> None:
    listed = run(["history"], FakeExecutor(ended=FAILED))
    as_json = run(["history", "list", "--json"], FakeExecutor(ended=FAILED))
    exported = run(["history", "export"], FakeExecutor(ended=FAILED))
    table = run(["history", "export", "--format", "csv"], FakeExecutor(ended=FAILED))

    assert listed.out.splitlines()[1].startswith(ID)
    assert json.loads(as_json.out) == [FAILED.to_json()]
    assert json.loads(exported.out)[0]["failure"] == "no_result"
    [row] = csv.DictReader(io.StringIO(table.out))
    assert (row["task_id"], row["state"]) == (f"{ID}.1", "failed")


# --- watching ----------------------------------------------------------------------------------


def test_logs_prints_what_is_there_byte_for_byte(run: Run) -> None:
    executor = FakeExecutor(events=(output(b"a\n"), output(b"b", "stderr")))

    said = run(["logs", ID], executor)

    assert said == (0, "a\n", "b")
    [asked] = executor.calls("stream")
    assert (asked["until_end"], asked["agent_events"]) == (False, False)
    assert asked["after"] == Cursor()


def test_logs_follows_one_task_from_a_cursor(run: Run) -> None:
    executor = FakeExecutor(
        ended=execution(task(1, ended=outcome()), task(2, ended=outcome())),
        events=(output(b"one"), output(b"two", number=2)),
    )

    said = run(["logs", "-f", f"{ID}.2", "--after", '{"seq":4}'], executor)

    assert said == (0, "two", "")
    [asked] = executor.calls("stream")
    assert (asked["until_end"], asked["after"]) == (True, Cursor(seq=4))


def test_logs_keeps_its_place_in_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "place"
    executor = FakeExecutor(events=(lifecycle("task.started", seq=2), output(b"x")))

    run(["logs", ID, "--cursor-file", str(file)], executor)
    run(["logs", ID, "--cursor-file", str(file)], executor)

    assert [asked["after"] for asked in executor.calls("stream")] == [
        Cursor(),
        Cursor(seq=2, chunks={f"{ID}.1.1": 0}),
    ]


def test_a_cursor_that_is_none_is_refused(run: Run) -> None:
    executor = FakeExecutor()

    said = run(["logs", ID, "--after", "12"], executor)

    assert said.code == 2
    assert "[cursor.invalid]" in said.err
    assert executor.said == []


def test_attach_shows_and_ends_as_run_would(run: Run) -> None:
    answered = run(["attach", ID], FakeExecutor(ended=ANSWERED))
    failed = run(["attach", ID, "--json"], FakeExecutor(ended=FAILED))

    assert (answered.code, answered.out) == (0, "Hello.\n")
    assert failed.code == 1
    assert json.loads(failed.out) == FAILED.to_json()


# --- the program itself --------------------------------------------------------------------------


def test_settings_prints_value_unit_and_origin(run: Run) -> None:
    said = run(["--grace-s", "3", "settings", "--max-concurrency", "2"], FakeExecutor())
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines()}

    assert rows["grace_s"][:3] == ["3", "s", "flag"]
    assert rows["max_concurrency"][:2] == ["2", "flag"]
    assert rows["home"][1] == "environment"
    assert rows["claude_bin"][:2] == ["-", "default"]


def test_settings_json_says_null_for_what_is_not_set(run: Run) -> None:
    said = run(["settings", "--json"], FakeExecutor())

    rows = {row["name"]: row for row in json.loads(said.out)}
    assert rows["claude_bin"]["value"] is None
    assert rows["pass_env"]["value"] == []
    assert rows["grace_s"]["unit"] == "s"


def test_a_setting_out_of_range_is_refused_wherever_it_stands(run: Run) -> None:
    before = run(["--grace-s", "-1", "ps"], FakeExecutor())
    after = run(["ps", "--grace-s", "-1"], FakeExecutor())

    assert before == after
    assert before.code == 2
    assert "setting grace_s (flag)" in before.err


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(["rum"], "Did you mean 'run'?"), (["run", "--modle", "x"], "--model")],
    ids=["command", "option"],
)
def test_a_misspelt_word_is_answered_with_the_nearest(
    run: Run, arguments: list[str], suggestion: str
) -> None:
    said = run(arguments, FakeExecutor())

    assert said.code == 2
    assert suggestion in said.err
    assert said.out == ""


def test_version_names_what_it_runs_on(run: Run) -> None:
    short = run(["--version"], FakeExecutor())
    long = run(["version", "--json"], FakeExecutor())

    assert re.fullmatch(r"cc-executor \d+\.\d+\.\d+\n", short.out)
    assert set(json.loads(long.out)) == {"cc_executor", "python", "sqlite", "platform"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(run: Run, shell: str) -> None:
    said = run(["completion", shell], FakeExecutor())

    assert said.code == 0
    assert "_CC_EXECUTOR_COMPLETE" in said.out
