"""The live view on a terminal: what people really see, frame by frame."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.cli.render.live import LiveView
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    Message,
    ResultReported,
    StreamEvent,
    ToolCall,
    Turn,
)
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.outcomes import Usage
from cc_executor.model.outlooks import Outlook
from cc_executor.model.results import ExecutionResult
from tests.cli.fakes import AT, ID, execution, lifecycle, outcome, task
from tests.cli.screen import Screen

BAND = {
    "duration_s": {"p50": 180.0, "p90": 420.0, "p99": 900.0},
    "timeout_s": 1e3,
    "observations": 9,
}


def agent(event: AgentEvent, *, number: int = 1, at: float = 10) -> FromAgent:
    return FromAgent(task_id=f"{ID}.{number}", attempt=1, seq=0, at=AT + at, event=event)


def started(number: int = 1, *, at: int = 0, forecast: object = None) -> list[StreamEvent]:
    of = f"{ID}.{number}"
    facts = {} if forecast is None else {"forecast": forecast}
    return [
        lifecycle("task.started", at, task_id=of),
        lifecycle("attempt.starting", at, task_id=of, attempt=1, **facts),
        lifecycle("attempt.started", at, task_id=of, attempt=1),
    ]


class Show:
    """A live view on a screen, with a clock that stands still."""

    def __init__(self, columns: int, lines: int, of: ExecutionResult) -> None:
        self.screen = Screen(columns, lines)
        self.after_s = 0.0
        self._view = LiveView(self.screen, now_s=lambda: AT + self.after_s)
        self._view.begin(of)

    def frame(self, *events: StreamEvent, after_s: float | None = None) -> list[str]:
        """Return what is on the screen when the events have happened."""
        for event in events:
            self._view.show(event)
        if after_s is not None:
            self.after_s = after_s
        assert self._view._live is not None
        self._view._live.refresh()
        return self.screen.lines

    def foresee(self, *, p50: float, p90: float, observations: int = 9) -> None:
        forecast = Forecast(
            duration_s=Band(p50=p50, p90=p90, p99=p90), timeout_s=p90, observations=observations
        )
        self._view.foresee(Outlook(forecast=forecast, tasks=()))

    def notice(self, text: str) -> None:
        self._view.notice(text)

    def end(self, of: ExecutionResult) -> list[str]:
        self._view.end(of)
        return self.screen.lines

    def close(self) -> None:
        self._view.close()


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def sized(monkeypatch: pytest.MonkeyPatch, columns: int, lines: int = 24) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: os.terminal_size((columns, lines)))


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """Three tasks on a screen of 80 by 24."""
    sized(monkeypatch, 80)
    of = execution(task(1, "api"), task(2, "tests"), task(3, "count", command=["wc"]))
    opened = Show(80, 24, of)
    yield opened
    opened.close()


def test_a_list_from_its_beginning_to_its_end(show: Show) -> None:
    assert show.frame() == [f"{ID}  0 of 3 tasks  0s", "  · api", "  · tests", "  · count"]

    begun = show.frame(
        *started(forecast=BAND),
        agent(Turn(usage=Usage(input_tokens=10))),
        agent(ToolCall(id="1", name="Bash", summary="make test")),
        after_s=130,
    )
    assert begun == [
        f"{ID}  0 of 3 tasks  2m10s  1 turn",
        "  ▸ api    2m10s of 3m..7m  1 turn  ?  Bash make test",
        "  · tests",
        "  · count",
    ]

    ended = show.frame(
        agent(ResultReported(is_error=False, cost_usd=0.25)),
        lifecycle("attempt.ended", 200, attempt=1, cost_usd=0.25, turns=1),
        lifecycle("task.succeeded", 200, cost_usd=0.25),
        *started(2, at=200),
        agent(ApiRetry(attempt=1, delay_s=30, status=529), number=2, at=205),
        lifecycle("task.waiting", 205, task_id=f"{ID}.3", message="4 tasks run", until=AT + 3600),
        after_s=210,
    )
    assert ended == [
        f"{ID}  1 of 3 tasks  3m30s  1 turn  at least $0.2500 so far",
        "  ✓ api    3m20s  1 turn  $0.2500  succeeded",
        "  ▸ tests  10s            ?        waits: model API: 529; retry 1 (25 s more)",
        "  · count                          waits: 4 tasks run (until 15:13:20)",
    ]


def test_the_first_line_tells_how_much_longer_the_list_takes(show: Show) -> None:
    show.foresee(p50=540, p90=1200)
    assert show.frame(after_s=1)[0] == f"{ID}  0 of 3 tasks  1s  9m..20m left"
    assert show.frame(after_s=241)[0] == f"{ID}  0 of 3 tasks  4m01s  5m..16m left"
    assert show.frame(after_s=3600)[0] == f"{ID}  0 of 3 tasks  1h00m  1s left"

    show.foresee(p50=60, p90=180, observations=0)
    assert show.frame()[0].endswith("  ~1m..3m left")
    ends = [lifecycle("task.succeeded", 9, task_id=f"{ID}.{number}") for number in (1, 2, 3)]
    assert not show.frame(*ends)[0].endswith("left")


def test_nothing_of_the_picture_is_left_when_it_ends(show: Show) -> None:
    show.notice("cancelling")
    show.frame(*started())

    tasks = (task(1, "api", ended=outcome()), task(2, "tests", ended=outcome()))
    lines = show.end(execution(*tasks))

    assert lines[0].startswith(f"{ID} succeeded  2 tasks")
    assert lines[-1] == f"  look again: cc-executor show {ID}"
    assert not any("cancelling" in line for line in lines)


def test_what_takes_longer_than_its_forecast_is_seen(show: Show) -> None:
    show.frame(*started(forecast=BAND), after_s=419)
    assert "brown" not in show.screen.colours  # as this terminal calls a dark yellow

    lines = show.frame(after_s=421)

    assert lines[1].startswith("  ▸ api    7m01s of 3m..7m")
    assert "brown" in show.screen.colours


def test_a_pause_stops_the_clock_of_the_forecast(show: Show) -> None:
    lines = show.frame(*started(forecast=BAND), lifecycle("task.paused", 60), after_s=400)

    assert lines[1] == "  ‖ api    1m00s of 3m..7m  ?  paused"


NARROW = [
    (100, "  ▸ api    1m00s of 3m..7m  1 turn  ?  Bash make -C /somewhere/deep all-of-it"),
    (71, "  ▸ api    1m00s of 3m..7m  Bash make -C /somewhere/deep all-of-it"),
    (50, "  ▸ api    1m00s of 3m..7m  Bash make -C /somewh…"),
    (47, "  ▸ api    1m00s  Bash make -C /somewhere/dee…"),
    (24, "  ▸ api    1m00s  Bash…"),
    (12, "  ▸ api   …"),
]


@pytest.mark.parametrize(("columns", "line"), NARROW, ids=[str(row[0]) for row in NARROW])
def test_on_a_narrow_terminal_the_most_telling_is_kept(
    monkeypatch: pytest.MonkeyPatch, columns: int, line: str
) -> None:
    sized(monkeypatch, columns)
    show = Show(columns, 24, execution(task(1, "api"), task(2, "tests")))
    bash = ToolCall(id="1", name="Bash", summary="make -C /somewhere/deep all-of-it")

    lines = show.frame(*started(forecast=BAND), agent(Turn()), agent(bash), after_s=60)
    show.close()

    assert lines[1] == line
    assert len(lines) == 3


def test_a_terminal_that_is_made_smaller_is_drawn_for_its_new_size(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    show.frame(*started(), agent(Message(text="x" * 60)))

    sized(monkeypatch, 40)
    lines = show.frame()

    assert max(map(len, lines)) < 40
    assert lines[1].endswith("x…")


def test_without_colours_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sized(monkeypatch, 80)
    coloured = Show(80, 24, execution(task(1, "api")))
    coloured.frame(*started())
    coloured.close()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Show(80, 24, execution(task(1, "api")))
    plain.frame(*started())
    plain.close()

    assert "\x1b[36m" in coloured.screen.getvalue()
    assert "\x1b[36m" not in plain.screen.getvalue()


HOSTILE = [
    "\x1b[2J\x1b[H\x1b]0;title\x07",
    "one\r\rtwo\x08\x08",
    "\u202egnp.exe\u2066",
    "漢字" * 60,
    "❤️👩‍👩‍👧‍👦🏳️‍🌈" * 30,
    "e\u0301" * 100,
    "\ud800 lone",
    "\x9b31m\x85\u2028",
    "a\tb" * 40,
]


@pytest.mark.parametrize("text", HOSTILE, ids=map(str, range(len(HOSTILE))))
def test_nothing_that_an_agent_says_breaks_the_picture(show: Show, text: str) -> None:
    show.notice(text)
    for event in (
        Message(text=text),
        ToolCall(id="1", name=text, summary=text),
        ApiRetry(attempt=1, error=text),
    ):
        show.frame(*started(), agent(event))
        lines = show.frame(agent(event))

        assert lines[0] == f"{ID}  0 of 3 tasks  0s"
        assert lines[1].startswith("  ▸ api    0s")
        assert lines[2:4] == ["  · tests", "  · count"]
        assert len(lines) <= 5
    written = show.screen.getvalue()
    forbidden = ("\x1b[2J", "\x1b]0;", "\u202e", "\x9b", "\x85", "\ufe0f", "\u200d")
    assert not any(one in written for one in forbidden)


@given(text=st.text(max_size=200), columns=st.integers(12, 120))
def test_whatever_is_said_each_task_keeps_its_one_line(text: str, columns: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        sized(monkeypatch, columns)
        show = Show(columns, 24, execution(task(1, "api"), task(2, "tests")))
        try:
            show.frame(*started(), agent(Message(text=text)))
            lines = show.frame()
        finally:
            show.close()

    assert lines[0].startswith(ID[: columns - 2])
    assert lines[1].startswith("  ▸ api")
    assert lines[2] == "  · tests"
    assert len(lines) == 3
