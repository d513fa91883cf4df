from __future__ import annotations

import base64
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from rich.console import Console
from rich.text import Text

from cc_executor.cli.presentation import Presentation, for_people
from cc_executor.cli.render.board import Row
from cc_executor.cli.render.lines import Lines
from cc_executor.cli.render.live import LiveView, Picture, window
from cc_executor.cli.render.machine import EventLines, RawOutput, Silent
from cc_executor.cli.render.output import OutputRefused, write_all
from cc_executor.cli.render.terminal import can_show_live, in_columns
from cc_executor.model.events import FromAgent, Output, ToolCall, Turn
from cc_executor.model.failures import Failure
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import Progress
from tests.cli.fakes import AT, ID, execution, lifecycle, outcome, task, with_structured


def output(
    data: bytes, seq: int = 0, *, stream: Literal["stdout", "stderr"] = "stdout", number: int = 1
) -> Output:
    return Output(
        task_id=f"{ID}.{number}",
        attempt=1,
        seq=seq,
        offset=0,
        at=AT + seq,
        stream=stream,
        data=data,
    )


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# --- lines ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_utc")
def test_each_line_says_when_which_task_and_what() -> None:
    stream = io.StringIO()
    view = Lines(stream)

    view.begin(execution(task(1, "api"), task(2, "tests")))
    view.show(lifecycle("execution.submitted", tasks=2, workspace="/w"))
    view.show(lifecycle("attempt.starting", seq=2, attempt=1, agent="claude"))
    view.show(lifecycle("attempt.started", seq=3, attempt=1))

    assert stream.getvalue().splitlines() == [
        f"execution {ID}",
        "14:13:21         submitted: 2 tasks in /w",
        "14:13:22  api    started (claude)",
    ]


def test_what_a_program_prints_is_shown_line_by_line() -> None:
    stream = io.StringIO()
    view = Lines(stream)

    view.begin(execution(task(1, command=["make"])))
    view.show(output(b"compi"))
    view.show(output(b"ling\n\nlink"))
    view.show(output(b"warning\n", stream="stderr"))
    view.show(lifecycle("attempt.ended", attempt=1))

    said = [line.split("  ")[-1] for line in stream.getvalue().splitlines()]
    assert said == [f"execution {ID}", "compiling", "warning", "link"]


@pytest.mark.usefixtures("_utc")
def test_a_task_of_which_nothing_is_heard_for_a_minute_is_said_to_go_on() -> None:
    stream, now = io.StringIO(), [AT]
    view = Lines(stream, now_s=lambda: now[0])
    band = {
        "duration_s": {"p50": 180.0, "p90": 420.0, "p99": 900.0},
        "timeout_s": 1e3,
        "observations": 9,
    }
    view.begin(execution(task(1, "api"), task(2, "tests")))
    view.show(lifecycle("task.started"))
    view.show(lifecycle("attempt.starting", attempt=1, agent="claude", forecast=band))
    view.show(lifecycle("attempt.started", attempt=1))
    bash = ToolCall(id="1", name="Bash", summary="make test")
    view.show(FromAgent(task_id=f"{ID}.1", attempt=1, seq=0, at=AT + 1, event=Turn()))
    view.show(FromAgent(task_id=f"{ID}.1", attempt=1, seq=0, at=AT + 1, event=bash))
    said = stream.getvalue()

    for seconds in range(185):
        now[0] = AT + seconds
        view.tick()
    view.show(lifecycle("task.paused", seq=186))
    now[0] = AT + 400
    view.tick()

    assert stream.getvalue().removeprefix(said).splitlines() == [
        "14:14:20  api    still running: 59s of 3m..7m, 1 turn, Bash make test",
        "14:15:20  api    still running: 1m59s of 3m..7m, 1 turn, Bash make test",
        "14:16:20  api    still running: 2m59s of 3m..7m, 1 turn, Bash make test",
        "14:16:26  api    paused",
    ]


@pytest.mark.usefixtures("_utc")
def test_what_earlier_runs_tell_of_a_list_is_said_once() -> None:
    stream = io.StringIO()
    view = Lines(stream, now_s=lambda: AT)
    band = Band(p50=180.0, p90=420.0, p99=900.0)
    guessed = Forecast(duration_s=band, timeout_s=900.0)
    learned = msgspec.structs.replace(guessed, observations=12, method="history: same prompt")
    view.begin(execution(task(1)))

    for forecast in (guessed, learned, learned):
        view.foresee(Outlook(forecast=forecast, tasks=()))

    assert stream.getvalue().splitlines()[1:] == [
        "14:13:20  expected: 3m..7m (history: same prompt, 12 runs)"
    ]


def test_what_an_agent_prints_is_not_shown_raw() -> None:
    stream = io.StringIO()
    view = Lines(stream)

    view.begin(execution(task(1)))
    view.show(output(b'{"type":"system"}\n'))

    assert stream.getvalue() == f"execution {ID}\n"


def test_the_summary_tells_each_task_and_what_can_be_done() -> None:
    stream = io.StringIO()
    good = task(1, "api", ended=outcome(cost_usd=0.25))
    bad = task(2, "tests", ended=outcome(TaskState.FAILED, Failure.MAX_TURNS, message="50 turns"))
    skipped = task(3, "docs", ended=outcome(TaskState.SKIPPED, Failure.UPSTREAM), attempts=0)

    Lines(stream).end(execution(good, bad, skipped))

    said = stream.getvalue()
    assert f"{ID} failed  3 tasks, 3.0 s, cost unknown\n" in said
    assert "api    succeeded  unverified  2.0 s  $0.2500\n" in said
    assert "max_turns: 50 turns" in said
    assert "tests: Raise max_turns or split the task." in said
    assert "docs:" not in said
    assert f"cc-executor continue {ID}" in said
    assert f"cc-executor show {ID}" in said


# --- live ----------------------------------------------------------------------------------------


def drawn(picture: Picture, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(picture.drawn())
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_picture_shows_every_task_with_its_time_and_what_it_does() -> None:
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=False)
    tasks = (task(1, "api"), task(2, "tests"))
    picture = Picture(execution(*tasks), console, lambda: AT + 61)
    picture.apply(lifecycle("task.started", seq=1))
    picture.apply(lifecycle("task.failed", seq=3, failure="no_result", cost_usd=0.5))
    picture.apply(lifecycle("task.started", seq=4, task_id=f"{ID}.2"))
    picture.notice = "cancelling"

    head, api, tests, notice = drawn(picture, console)

    assert head == f"{ID}  1 of 2 tasks  1m01s  $0.5000 so far"
    sign = "x" if not console.encoding.startswith("utf") else "✗"
    assert api.split() == [sign, "api", "2s", "$0.5000", "no_result"]
    assert tests.split()[1:] == ["tests", "57s"]
    assert notice == "cancelling"


def test_a_picture_never_outgrows_the_terminal() -> None:
    console = Console(width=40, height=12, file=io.StringIO(), force_terminal=False)
    tasks = [task(number, f"n{number}", ended=outcome()) for number in range(1, 501)]
    tasks += [task(number, f"n{number}") for number in range(501, 1001)]
    picture = Picture(execution(*tasks), console, lambda: AT)
    for number in range(1, 501):
        picture.apply(lifecycle("task.succeeded", task_id=f"{ID}.{number}", message="x" * 200))

    lines = drawn(picture, console)

    assert len(lines) < console.height
    assert max(map(len, lines)) <= console.width
    assert any("n501" in line for line in lines)
    assert any("tasks above" in line for line in lines)
    assert any("tasks below" in line for line in lines)


@pytest.mark.parametrize(
    ("ended", "total", "size", "expected"),
    [(0, 5, 10, (0, 5, 0)), (0, 9, 3, (0, 3, 6)), (9, 9, 3, (6, 3, 0)), (5, 9, 3, (4, 3, 2))],
    ids=["all fit", "none begun", "all ended", "in the middle"],
)
def test_the_window_holds_the_first_unfinished_task(
    ended: int, total: int, size: int, expected: tuple[int, int, int]
) -> None:
    rows = [
        Row(
            Progress(
                task_id=str(n),
                name=str(n),
                state=TaskState.SUCCEEDED if n < ended else TaskState.QUEUED,
            )
        )
        for n in range(total)
    ]

    shown, above, below = window(rows, size)

    assert (above, len(shown), below) == expected


def test_the_live_view_leaves_the_summary_behind() -> None:
    stream = io.StringIO()
    view = LiveView(stream, now_s=lambda: AT)

    view.begin(execution(task(1, "api")))
    view.show(lifecycle("task.started"))
    view.end(execution(task(1, "api", ended=outcome())))
    view.close()

    assert f"look again: cc-executor show {ID}" in stream.getvalue()


# --- for programs --------------------------------------------------------------------------------


def test_events_are_lines_of_json_with_bytes_as_base64(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    view = EventLines()
    view.show(lifecycle("task.started", seq=7))
    view.show(output(b"\x00\xff\n"))

    out, err = capfdbinary.readouterr()
    first, second = map(json.loads, out.splitlines())
    assert err == b""
    assert (first["type"], first["seq"], first["kind"]) == ("lifecycle", 7, "task.started")
    assert second["type"] == "output"
    assert base64.b64decode(second["data"]) == b"\x00\xff\n"


def test_raw_output_is_byte_exact_on_both_streams(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    view = RawOutput()
    every_byte = bytes(range(256))
    view.show(lifecycle("task.started"))
    view.show(output(every_byte))
    view.show(output(b"\xfferr", stream="stderr"))

    assert capfdbinary.readouterr() == (every_byte, b"\xfferr")


def test_a_view_of_one_task_shows_no_other(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    view = RawOutput(only=f"{ID}.2")
    view.show(output(b"one"))
    view.show(output(b"two", number=2))

    assert capfdbinary.readouterr().out == b"two"


def test_everything_is_written_to_a_pipe_that_takes_little_at_a_time() -> None:
    readable, writable = os.pipe()
    data = os.urandom(300_000)
    got = bytearray()
    if (child := os.fork()) == 0:
        os.close(readable)
        write_all(writable, data)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb", buffering=0) as pipe:
        while piece := pipe.read(777):
            got += piece
    os.waitpid(child, 0)

    assert got == data


def test_a_full_disk_is_a_refusal_not_a_bug() -> None:
    with Path("/dev/full").open("wb") as full, pytest.raises(OutputRefused, match="No space"):
        write_all(full.fileno(), b"x")


@pytest.mark.parametrize(
    ("view", "begins", "ends"),
    [
        (Silent(announce=True), f"execution {ID}\n", False),
        (Silent(), "", False),
        (Silent(explain=True), "", True),
    ],
    ids=["--json", "--json --quiet", "--quiet"],
)
def test_silent_views_say_only_what_they_are_for(
    *, view: Silent, begins: str, ends: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    failed = execution(task(ended=outcome(TaskState.FAILED, Failure.NO_RESULT)))

    view.begin(execution())
    view.show(lifecycle("task.started"))
    assert capfd.readouterr() == ("", begins)

    view.end(failed)
    out, err = capfd.readouterr()
    assert out == ""
    assert ("no_result" in err) is ends


# --- which view, which answer ----------------------------------------------------------------------

A_PROMPT = execution(task(ended=outcome(text="Hello.")))
A_COMMAND = execution(task(command=["true"], ended=outcome(text="out\n")))
A_LIST = execution(task(1, ended=outcome(text="a")), task(2, ended=outcome(text="b")))
A_FAILURE = execution(task(ended=outcome(TaskState.FAILED, Failure.NO_RESULT, text="I was")))
STRUCTURED = execution(with_structured(task(ended=outcome(text="x")), {"n": None}))

ANSWERS: list[tuple[str, Any, Presentation, str]] = [
    ("a prompt", A_PROMPT, Presentation(), "Hello.\n"),
    ("a prompt, quietly", A_PROMPT, Presentation(quiet=True), "Hello.\n"),
    ("a structured answer", STRUCTURED, Presentation(), '{"n": null}\n'),
    ("a failure has no answer", A_FAILURE, Presentation(), ""),
    ("a command has shown its output", A_COMMAND, Presentation(), ""),
    ("a list", A_LIST, Presentation(), ""),
    ("events", A_PROMPT, Presentation(as_events=True), ""),
]


@pytest.mark.parametrize(
    ("ended", "presentation", "out"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_the_answer_to_a_single_prompt_is_what_stdout_gets(
    ended: Any, presentation: Presentation, out: str, capfd: pytest.CaptureFixture[str]
) -> None:
    presentation.conclude(ended)

    assert capfd.readouterr() == (out, "")


def test_json_is_the_whole_object_on_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    Presentation(as_json=True).conclude(A_LIST)

    [line] = capfd.readouterr().out.splitlines()
    assert json.loads(line) == A_LIST.to_json()


VIEWS = [
    (Presentation(), A_LIST, Lines),
    (Presentation(), A_COMMAND, RawOutput),
    (Presentation(quiet=True), A_COMMAND, RawOutput),
    (Presentation(quiet=True), A_LIST, Silent),
    (Presentation(as_json=True), A_COMMAND, Silent),
    (Presentation(as_events=True), A_COMMAND, EventLines),
]


@pytest.mark.parametrize(("presentation", "of", "kind"), VIEWS, ids=map(str, range(len(VIEWS))))
def test_the_flags_choose_the_view(presentation: Presentation, of: Any, kind: type[object]) -> None:
    assert type(presentation.view(of)) is kind


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "stream", "live"),
    [("xterm", Terminal(), True), ("dumb", Terminal(), False), ("xterm", io.StringIO(), False)],
    ids=["a terminal", "a dumb terminal", "a pipe"],
)
def test_only_a_terminal_that_can_be_drawn_on_gets_the_live_view(
    *, monkeypatch: pytest.MonkeyPatch, term: str, stream: io.StringIO, live: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr", stream)

    assert can_show_live(stream) is live
    assert isinstance(for_people(from_start=True), LiveView) is live
    assert isinstance(for_people(from_start=False), Lines)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    bad = execution(task(ended=outcome(TaskState.FAILED, Failure.NO_RESULT)))
    coloured, plain = Terminal(), Terminal()
    Lines(coloured).end(bad)
    monkeypatch.setenv("NO_COLOR", "1")
    Lines(plain).end(bad)

    assert "\x1b[31m" in coloured.getvalue()
    assert "\x1b[31m" not in plain.getvalue()


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = in_columns([[Text("a"), Text("b")], [Text("漢字"), Text("")]])

    assert [line.plain for line in lines] == ["a     b", "漢字"]
    assert in_columns([]) == []
