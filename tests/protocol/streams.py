"""Streams as an engine would yield them: any number of tasks and attempts, any bytes, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from cc_executor.model.events import (
    Cursor,
    FromAgent,
    Lifecycle,
    Message,
    Output,
    StreamEvent,
)
from cc_executor.model.ids import attempt_id
from cc_executor.protocol.framing import Framer, Notice

EXECUTION: Final = "e"

#: Bytes that are mostly text of all widths, and sometimes anything.
TEXTS: Final = st.text(st.sampled_from('a\n"é漢😀\x00'), min_size=1, max_size=12).map(str.encode)
BYTES: Final = st.one_of(TEXTS, st.binary(min_size=1, max_size=12))


@dataclass
class Writer:
    """Writes down what happens in one execution."""

    events: list[StreamEvent] = field(default_factory=list)
    seq: int = 0
    offsets: dict[str, int] = field(default_factory=dict)
    chunks: dict[str, int] = field(default_factory=dict)

    def move(self, kind: str, task: int | None = None, attempt: int | None = None) -> None:
        self.seq += 1
        self.events.append(
            Lifecycle(
                seq=self.seq,
                at=float(self.seq),
                execution_id=EXECUTION,
                kind=kind,
                task_id=None if task is None else f"{EXECUTION}.{task}",
                attempt=attempt,
                data={"state": "succeeded", "pid": 7, "attempts": 1} if task else {},
            )
        )

    def write(self, task: int, attempt: int, data: bytes, stream: str = "stdout") -> int:
        """Add a chunk, return its seq."""
        of_attempt = f"{EXECUTION}.{task}.{attempt}"
        seq = self.chunks.get(of_attempt, -1) + 1
        offset = self.offsets.get(of_attempt, 0)
        self.chunks[of_attempt], self.offsets[of_attempt] = seq, offset + len(data)
        self.events.append(
            Output(
                task_id=f"{EXECUTION}.{task}",
                attempt=attempt,
                seq=seq,
                offset=offset,
                at=float(offset),
                stream="stdout" if stream == "stdout" else "stderr",
                data=data,
            )
        )
        return seq

    def tell(self, task: int, attempt: int, seq: int, text: str) -> None:
        self.events.append(
            FromAgent(
                task_id=f"{EXECUTION}.{task}",
                attempt=attempt,
                seq=seq,
                at=1.0,
                event=Message(text=text),
            )
        )


@st.composite
def executions(draw: st.DrawFn, data: st.SearchStrategy[bytes] = BYTES) -> list[StreamEvent]:
    """Draw the stream of an execution from its submission to its end."""
    writer = Writer()
    writer.move("execution.submitted")
    running: list[tuple[int, int]] = []
    for task in range(1, draw(st.integers(1, 3)) + 1):
        for attempt in range(1, draw(st.integers(1, 2)) + 1):
            writer.move("attempt.starting", task, attempt)
            running.append((task, attempt))
            _some_output(draw, data, writer, running)
            if draw(st.booleans()):
                writer.move("attempt.ended", *running.pop(0))
    while running:
        _some_output(draw, data, writer, running)
        writer.move("attempt.ended", *running.pop())
    writer.move("execution.succeeded")
    return writer.events


def _some_output(
    draw: st.DrawFn,
    data: st.SearchStrategy[bytes],
    writer: Writer,
    running: Sequence[tuple[int, int]],
) -> None:
    blob = draw(st.lists(data, max_size=4).map(b"".join))
    place = draw(st.sampled_from(running))
    stream = draw(st.sampled_from(["stdout", "stderr"]))
    while blob:
        if draw(st.integers(0, 5)) == 0:
            place = draw(st.sampled_from(running))
            stream = draw(st.sampled_from(["stdout", "stderr"]))
        length = draw(st.integers(1, len(blob)))
        seq = writer.write(*place, blob[:length], stream)
        for number in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
            writer.tell(*place, seq, f"{seq}/{number}")
        blob = blob[length:]


def after(cursor: Cursor, events: Sequence[StreamEvent]) -> Iterator[StreamEvent]:
    """Yield what an engine yields to who reads from a cursor."""
    ended = {
        attempt_id(event.task_id or "", event.attempt or 0)
        for event in events
        if isinstance(event, Lifecycle)
        and event.kind == "attempt.ended"
        and event.seq <= cursor.seq
    }
    for event in events:
        if isinstance(event, Lifecycle):
            if event.seq > cursor.seq:
                yield event
            continue
        of_attempt = attempt_id(event.task_id, event.attempt)
        if of_attempt not in ended and event.seq > cursor.chunks.get(of_attempt, -1):
            yield event


def framed(
    framer: Framer, events: Sequence[StreamEvent], flushed: Sequence[bool] = ()
) -> list[Notice]:
    """Return what a framer makes of a stream whose source sometimes has nothing at hand."""
    pauses = iter(flushed)
    notices: list[Notice] = []
    for at, event in enumerate(events):
        notices += framer.feed(event)
        follows = events[at + 1] if at + 1 < len(events) else None
        if not isinstance(follows, FromAgent) and next(pauses, False):
            notices += framer.flush()
    return notices + framer.finish()
