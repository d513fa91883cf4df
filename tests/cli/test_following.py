from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from cc_executor.cli import following
from cc_executor.cli.following import follow_other, follow_own
from cc_executor.cli.running import Interrupts
from cc_executor.errors import NotResponding, StoreUnavailable
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outlooks import Outlook
from cc_executor.model.results import ExecutionResult
from tests.cli.fakes import ID, FakeExecutor, execution, lifecycle

BOUND_S = 5
EVENTS = (lifecycle("task.started", seq=1), lifecycle("task.succeeded", seq=2))


class Noting:
    """A view that notes what it is told, in words."""

    agent_events = True
    foresees = False

    def __init__(self, on_show: Callable[[StreamEvent], object] | None = None) -> None:
        self.said: list[str] = []
        self._on_show = on_show

    def begin(self, execution: ExecutionResult) -> None:
        self.said.append(f"begin {execution.id}")

    def show(self, event: StreamEvent) -> None:
        if self._on_show is not None:
            self._on_show(event)
        self.said.append(f"show {getattr(event, 'seq', '')}")

    def foresee(self, outlook: Outlook) -> None:
        self.said.append(f"foresee {outlook.forecast.method}")

    def tick(self) -> None:
        self.said.append("tick")

    def notice(self, text: str) -> None:
        self.said.append(f"notice {text}")

    def end(self, execution: ExecutionResult) -> None:
        self.said.append(f"end {execution.state}")

    def close(self) -> None:
        self.said.append("close")


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not true():
            await asyncio.sleep(0.005)


async def idle() -> None:
    """Let everything happen that waits for nothing."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_an_execution_is_shown_from_its_beginning_to_its_end() -> None:
    executor, view = FakeExecutor(events=EVENTS), Noting()

    ended = await follow_own(executor, execution(), view, Interrupts())

    assert ended is executor.ended
    assert view.said == [f"begin {ID}", "show 1", "show 2", "end succeeded", "close"]


async def test_a_view_is_told_that_time_passes_though_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "_TICK_S", 0.001)
    executor, view = FakeExecutor(hold=asyncio.Event()), Noting()
    running = asyncio.ensure_future(follow_own(executor, execution(), view, Interrupts()))

    await until(lambda: view.said.count("tick") > 2)
    assert executor.hold is not None
    executor.hold.set()
    await asyncio.wait_for(running, BOUND_S)

    assert view.said[-2:] == ["end succeeded", "close"]


async def test_a_view_that_foresees_is_told_what_is_expected_as_long_as_anybody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "_LOOK_AHEAD_S", 0.001)
    executor, view = FakeExecutor(hold=asyncio.Event()), Noting()
    view.foresees = True
    running = asyncio.ensure_future(follow_own(executor, execution(), view, Interrupts()))

    await until(lambda: view.said.count("foresee nothing is left") > 2)
    executor.refuses = {"forecast_left": StoreUnavailable("gone")}
    await until(lambda: executor.calls("forecast_left"))
    assert executor.hold is not None
    executor.hold.set()
    ended = await asyncio.wait_for(running, BOUND_S)

    assert ended.ok
    assert view.said[-2:] == ["end succeeded", "close"]


async def test_the_first_interrupt_cancels_and_the_second_kills() -> None:
    executor, view, interrupts = FakeExecutor(hold=asyncio.Event()), Noting(), Interrupts()
    cancelled = executor.cancel

    async def slow_cancel(of: str, *, now: bool = False) -> ExecutionResult:
        if not now:
            executor.said.append(("cancel", {"of": of, "now": now}))
            await asyncio.sleep(BOUND_S)
        return await cancelled(of, now=now)

    executor.cancel = slow_cancel  # type: ignore[method-assign]  # a fake that takes its time
    running = asyncio.ensure_future(follow_own(executor, execution(), view, interrupts))
    await until(lambda: executor.calls("stream"))

    interrupts.arrived()
    await until(lambda: executor.calls("cancel"))
    interrupts.arrived()
    ended = await asyncio.wait_for(running, BOUND_S)

    assert ended.state is TaskState.CANCELLED
    assert executor.calls("cancel") == [{"of": ID, "now": False}, {"of": ID, "now": True}]
    assert "notice cancelling; Ctrl-C again kills it" in view.said
    assert "notice killing it" in view.said
    assert view.said[-2:] == ["end cancelled", "close"]


async def test_a_cancel_that_is_refused_is_told() -> None:
    refusal = NotResponding("the engine", 60)
    executor, view = FakeExecutor(hold=asyncio.Event(), refuses={"cancel": refusal}), Noting()
    interrupts = Interrupts()
    running = asyncio.ensure_future(follow_own(executor, execution(), view, interrupts))
    await until(lambda: executor.calls("stream"))

    interrupts.arrived()
    await until(lambda: f"notice not cancelled: {refusal}" in view.said)

    assert executor.hold is not None
    executor.hold.set()
    await asyncio.wait_for(running, BOUND_S)


async def test_a_view_that_nobody_reads_ends_the_run() -> None:
    def gone(_: StreamEvent) -> None:
        raise BrokenPipeError

    executor = FakeExecutor(events=EVENTS, hold=asyncio.Event())
    view = Noting(gone)

    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(follow_own(executor, execution(), view, Interrupts()), BOUND_S)
    assert view.said == [f"begin {ID}", "close"]


async def test_what_ends_the_run_in_the_engine_ends_it_here() -> None:
    executor = FakeExecutor(refuses={"wait": StoreUnavailable("disk full")})
    hold = asyncio.Event()

    def wait_for_ever(_: StreamEvent) -> None:
        raise AssertionError("no event was expected")

    executor.hold = hold
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(
            follow_own(executor, execution(), Noting(wait_for_ever), Interrupts()), BOUND_S
        )


async def test_after_an_interrupt_a_reader_who_stands_still_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "_LAST_LOOK_S", 0.05)
    monkeypatch.setattr(following, "_CLOSING_S", 0.05)
    reads = threading.Event()
    executor = FakeExecutor(events=EVENTS, hold=asyncio.Event())
    view, interrupts = Noting(lambda _: reads.wait(2 * BOUND_S)), Interrupts()
    running = asyncio.ensure_future(follow_own(executor, execution(), view, interrupts))
    await until(lambda: executor.calls("stream"))

    interrupts.arrived()
    ended = await asyncio.wait_for(running, BOUND_S)
    reads.set()

    assert ended.state is TaskState.CANCELLED
    assert "end cancelled" not in view.said


async def test_another_interrupt_gives_up_on_what_is_left_to_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "_CLOSING_S", 0.05)
    reads = threading.Event()
    executor = FakeExecutor(events=EVENTS)
    view, interrupts = Noting(lambda _: reads.wait(2 * BOUND_S)), Interrupts()
    running = asyncio.ensure_future(follow_own(executor, execution(), view, interrupts))
    await until(lambda: executor.calls("wait"))
    await idle()  # it has ended; only the showing is left

    interrupts.arrived()
    await asyncio.wait_for(running, BOUND_S)
    reads.set()

    assert executor.calls("cancel") == []
    assert "end succeeded" not in view.said


async def test_watching_begins_at_a_cursor_and_tells_how_far_it_has_come() -> None:
    executor, view = FakeExecutor(events=EVENTS), Noting()
    shown: list[StreamEvent] = []

    await follow_other(
        executor, execution(), view, after=Cursor(seq=0, chunks={"x": 1}), on_shown=shown.append
    )

    [asked] = executor.calls("stream")
    assert asked["after"] == Cursor(seq=0, chunks={"x": 1})
    assert asked["until_end"] is True
    assert shown == list(EVENTS)
    assert view.said == [f"begin {ID}", "show 1", "show 2", "end succeeded", "close"]
    assert executor.calls("wait") == [{"execution_id": ID, "cancel_with_caller": False}]


async def test_a_look_at_what_is_there_waits_for_nothing() -> None:
    executor, view = FakeExecutor(events=EVENTS, hold=asyncio.Event()), Noting()

    await asyncio.wait_for(follow_other(executor, execution(), view, until_end=False), BOUND_S)

    assert executor.calls("wait") == []
    assert view.said == [f"begin {ID}", "show 1", "show 2", "close"]


async def test_to_stop_watching_leaves_the_execution_alone() -> None:
    executor, view = FakeExecutor(events=EVENTS, hold=asyncio.Event()), Noting()
    watching = asyncio.ensure_future(follow_other(executor, execution(), view))
    await until(lambda: "show 2" in view.said)

    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching

    assert executor.calls("cancel") == []
    assert view.said[-1] == "close"


async def test_an_interrupt_that_came_while_it_was_submitted_cancels_it() -> None:
    executor, interrupts = FakeExecutor(hold=asyncio.Event()), Interrupts()
    interrupts.arrived()

    ended = await asyncio.wait_for(follow_own(executor, execution(), Noting(), interrupts), BOUND_S)

    assert ended.state is TaskState.CANCELLED
    assert executor.calls("cancel") == [{"of": ID, "now": False}]
