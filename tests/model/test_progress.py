from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    Lifecycle,
    LimitNotice,
    Message,
    Other,
    Output,
    ResultReported,
    StreamEvent,
    ToolCall,
    ToolResult,
    Turn,
)
from cc_executor.model.forecasts import Band
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Usage
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.model.records import TaskRecord, Waiting
from cc_executor.model.specs import TaskSpec
from tests.agents.claude_runs import TABLE, stdout_of

TASK = "01test.1"
AT = 1_000.0

RECORD = TaskRecord(
    id=TASK, execution_id="01test", number=1, spec=TaskSpec(name="api", prompt="Do it.")
)


def lifecycle(kind: str, at: float = 0.0, **data: Any) -> Lifecycle:
    return Lifecycle(
        seq=1, at=AT + at, execution_id="01test", kind=kind, task_id=TASK, attempt=1, data=data
    )


def agent(event: AgentEvent, at: float = 0.0) -> FromAgent:
    return FromAgent(task_id=TASK, attempt=1, seq=0, at=AT + at, event=event)


def tokens(count: int) -> Usage:
    return Usage(input_tokens=count)


STARTED = (
    lifecycle("task.started", 0),
    lifecycle("attempt.starting", 1, timeout_s=60.0),
    lifecycle("attempt.started", 2),
)


def after(*events: StreamEvent, at: float = 10.0) -> Progress:
    progress = ExecutionProgress([RECORD])
    for event in events:
        progress.take(event)
    return progress.of(TASK, at=AT + at)


def recorded(run: str) -> list[StreamEvent]:
    read = ClaudeReader(TaskSpec(prompt="x")).feed("stdout", stdout_of(run))
    return [*STARTED, *(agent(event, 3) for event, _ in read)]


def test_a_task_that_has_not_begun_has_done_nothing() -> None:
    assert after() == Progress(task_id=TASK, name="api", state=TaskState.QUEUED)


def test_time_runs_from_the_start_to_the_end() -> None:
    running = after(*STARTED)
    ended = after(
        *STARTED, lifecycle("attempt.ended", 5), lifecycle("task.succeeded", 6, state="succeeded")
    )

    assert (running.elapsed_s, running.running_s, running.timeout_s) == (10.0, 8.0, 60.0)
    assert (ended.elapsed_s, ended.running_s, ended.state) == (6.0, 3.0, "succeeded")


def test_a_pause_counts_for_the_task_and_not_for_the_attempt() -> None:
    paused = (*STARTED, lifecycle("task.paused", 4))

    assert (after(*paused).elapsed_s, after(*paused).running_s) == (10.0, 2.0)
    assert after(*paused).state is TaskState.PAUSED
    assert after(*paused, lifecycle("task.resumed", 9)).running_s == 3.0


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    assert after(*STARTED, at=-5.0).elapsed_s == 0.0


def test_each_attempt_has_a_clock_of_its_own_and_all_of_them_one_bill() -> None:
    first = (
        *STARTED,
        agent(Turn(usage=tokens(5))),
        lifecycle("attempt.ended", 4, cost_usd=0.25, turns=2, tokens=9),
        lifecycle("task.retried", 4),
    )
    second = (*first, lifecycle("attempt.starting", 7), lifecycle("attempt.started", 7))

    assert (after(*first).running_s, after(*second).running_s) == (2.0, 3.0)
    spent = after(*second, agent(Turn(usage=tokens(1))), agent(_result(0.5)))
    assert (spent.turns, spent.cost_usd, spent.tokens) == (3, 0.75, 10)


def _result(cost_usd: float | None) -> ResultReported:
    return ResultReported(is_error=False, cost_usd=cost_usd)


def test_a_cost_that_nobody_reports_is_unknown_and_not_zero() -> None:
    assert after(*STARTED, agent(Turn()), agent(_result(None))).cost_usd is None
    assert after(*STARTED, lifecycle("attempt.ended", 4)).cost_usd is None
    assert after(*STARTED, agent(_result(0.0))).cost_usd == 0.0


def test_the_tool_that_is_open_is_the_one_that_is_told() -> None:
    bash = agent(ToolCall(id="1", name="Bash", summary="make test"))
    read = agent(ToolCall(id="2", name="Read"))
    done = agent(ToolResult(id="2", ok=True))

    def tool(*events: StreamEvent) -> tuple[str | None, str | None]:
        return after(*STARTED, *events).tool, after(*STARTED, *events).tool_input

    assert tool(bash) == ("Bash", "make test")
    assert tool(bash, read) == ("Read", None)
    assert tool(bash, read, done) == ("Bash", "make test")
    assert tool(bash, lifecycle("attempt.ended", 3)) == (None, None)


def test_the_last_text_is_bounded_and_no_part_of_one() -> None:
    said = after(
        *STARTED,
        agent(Message(text="x" * 9_000)),
        agent(Message(text="y", partial=True)),
        agent(Message(text="  \n")),
    )

    assert said.last_text == "x" * 2_000


def test_what_the_agent_waits_for_is_told_until_it_goes_on() -> None:
    retry = agent(ApiRetry(attempt=2, max_attempts=10, delay_s=4, status=529), 3)
    ping = agent(Other(kind="system/status"))

    waiting = after(*STARTED, retry, ping).waiting

    assert waiting == Waiting("retry", AT + 3, AT + 7, "model API: 529; retry 2 of 10")
    assert after(*STARTED, retry, agent(Turn())).waiting is None


def test_the_end_of_a_usage_window_is_told_as_reported_or_not_at_all() -> None:
    def until(resets_at: float | None) -> float | None:
        notice = LimitNotice(status="rejected", resets_at=resets_at)
        waiting = after(*STARTED, agent(notice, 3)).waiting
        assert waiting is not None
        return waiting.until

    assert (until(AT + 99), until(None)) == (AT + 99, None)
    assert after(*STARTED, agent(LimitNotice(status="allowed_warning"))).waiting is None


def test_what_a_task_waits_for_before_it_starts_is_told_until_it_proceeds() -> None:
    waits = lifecycle("task.waiting", 1, reason="slot", since=AT, message="4 tasks run already")

    assert after(waits).waiting == Waiting("slot", AT, None, "4 tasks run already")
    assert after(waits, lifecycle("task.proceeding", 2)).waiting is None
    assert after(waits, *STARTED).waiting is None


def test_the_band_is_that_of_the_attempt_and_none_where_it_cannot_be_read() -> None:
    band = {"p50": 120.0, "p90": 180.0, "p99": 420.0}

    def read(forecast: object) -> tuple[Band | None, int]:
        progress = after(lifecycle("attempt.starting", forecast=forecast))
        return progress.band, progress.observations

    learned = {"duration_s": band, "timeout_s": 500.0, "observations": 12, "method": "history"}
    assert read(learned) == (Band(p50=120.0, p90=180.0, p99=420.0), 12)
    assert after(lifecycle("attempt.starting")).band is None
    for later in (None, "soon", {}, {"duration_s": None}, {**learned, "duration_s": {}}, [1]):
        assert read(later) == (None, 0)


def test_only_what_moves_a_task_on_names_it() -> None:
    progress = ExecutionProgress([RECORD])
    output = Output(task_id=TASK, attempt=1, seq=0, offset=0, at=AT, stream="stdout", data=b"x")
    whole = Lifecycle(seq=1, at=AT, execution_id="01test", kind="execution.submitted")

    assert progress.take(STARTED[0]) == TASK
    assert progress.take(output) is None
    assert progress.take(whole) is None
    assert [one.events for one in progress.all(at=AT)] == [1]


RUNS: tuple[tuple[str, int, float | None, int | None], ...] = (
    ("hello_stream", 1, 0.005, 1_050),
    ("multi_e2e", 6, 0.03, 6_300),
    ("parallel_tools", 2, 0.01, 2_100),
    ("bash_background", 3, 0.015, 3_150),
    ("err_529_2x", 1, 0.005, 1_050),
    ("bad_flag", 0, None, None),
    ("sig_kill_tool", 1, None, 1_001),
)


@pytest.mark.parametrize(("run", "turns", "cost_usd", "total"), RUNS, ids=[run[0] for run in RUNS])
def test_a_recorded_run_has_taken(
    run: str, turns: int, cost_usd: float | None, total: int | None
) -> None:
    progress = after(*recorded(run))

    assert progress.turns == turns
    assert progress.cost_usd == (None if cost_usd is None else pytest.approx(cost_usd))
    assert progress.tokens == total


# --- laws ----------------------------------------------------------------------------------------

AMOUNTS = st.none() | st.floats(0, 100)
USAGES = st.none() | st.builds(Usage, input_tokens=st.integers(0, 10_000))
IDS = st.sampled_from("abc")
AGENT_EVENTS: st.SearchStrategy[AgentEvent] = st.one_of(
    st.builds(Turn, subagent=st.booleans(), usage=USAGES),
    st.builds(ResultReported, is_error=st.booleans(), cost_usd=AMOUNTS, usage=USAGES),
    st.builds(Message, text=st.text(max_size=5), partial=st.booleans()),
    st.builds(ToolCall, id=IDS, name=st.just("Bash")),
    st.builds(ToolResult, id=IDS, ok=st.booleans()),
    st.builds(ApiRetry, attempt=st.integers(0, 9), delay_s=st.floats(0, 9)),
    st.builds(LimitNotice, status=st.sampled_from(["allowed", "rejected"]), resets_at=AMOUNTS),
)
KINDS = st.sampled_from(
    [f"attempt.{word}" for word in ("starting", "started", "ended")]
    + [f"task.{word}" for word in ("started", "paused", "resumed", "retried", "waiting")]
    + [f"task.{word}" for word in ("proceeding", "succeeded", "lost")]
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "cost_usd": st.floats(0, 100),
        "turns": st.integers(0, 9),
        "tokens": st.integers(0, 9_999),
    },
)
EVENTS: st.SearchStrategy[StreamEvent] = st.one_of(
    st.builds(agent, AGENT_EVENTS, st.floats(0, 100)),
    st.builds(lambda kind, at, data: lifecycle(kind, at, **data), KINDS, st.floats(0, 100), FACTS),
)


def check_prefixes(events: Iterable[StreamEvent]) -> None:
    progress = ExecutionProgress([RECORD])
    before = progress.of(TASK, at=AT + 200)
    for event in events:
        progress.take(event)
        now = progress.of(TASK, at=AT + 200)
        assert now.events == before.events + 1
        assert now.turns >= before.turns
        assert (now.cost_usd or 0) >= (before.cost_usd or 0)
        assert (now.tokens or 0) >= (before.tokens or 0)
        assert before.cost_usd is None or now.cost_usd is not None
        assert 0 <= now.running_s <= now.events * 200
        assert 0 <= now.elapsed_s <= 200
        before = now


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_turns_and_costs_never_go_down(events: list[StreamEvent]) -> None:
    check_prefixes(events)


@pytest.mark.parametrize("run", sorted(TABLE))
def test_every_prefix_of_every_recorded_run_makes_sense(run: str) -> None:
    check_prefixes(recorded(run))
