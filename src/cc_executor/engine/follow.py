"""Reading an execution's stream: from any cursor, live or long after the end, the same bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from cc_executor.agents.base import Reader
from cc_executor.agents.registry import dialect as dialect_named
from cc_executor.engine.watch import Watch
from cc_executor.engine.world import World
from cc_executor.model.events import Cursor, FromAgent, Lifecycle, Output, StreamEvent
from cc_executor.model.ids import attempt_id
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import TaskRecord
from cc_executor.ports.journal import Chunk, JournalReader, Journals

Seen = Callable[[StreamEvent], object]

#: By a thread. Each reader that has stopped reading holds as much in a server, there may be many.
_READ_BYTES = 64 * 1024
#: So much is read at once where no disk has to be waited for: it takes less than a hop to a thread.
_AT_HAND_BYTES = 16 * 1024
_PAGE = 500


async def follow(
    world: World,
    watch: Watch,
    execution_id: str,
    *,
    after: Cursor,
    agent_events: bool,
    until_end: bool,
    seen: Seen | None = None,
) -> AsyncGenerator[Sequence[StreamEvent], None]:
    """Yield lifecycle events, output and agent events in order; end with the execution.

    They come in batches: what one look has found. An attempt's whole output stands between its
    `attempt.starting` and its `attempt.ended`; the note that it has started may come after its first
    bytes. A slow reader costs two file offsets, nothing else.

    Args:
        world: The engine's world.
        watch: Wakes readers, and looks after executions whose engines have died meanwhile.
        execution_id: Which execution.
        after: Where to begin.
        agent_events: Whether to read the output with the agent's dialect as well.
        until_end: Wait for what is to come. False: stop at what is there now.
        seen: Told, in order, of every lifecycle and agent event, also of those before `after`: but
            not of what agents said whose attempts had ended there.
    """
    tasks = {task.id: task for task in await world.store.tasks(execution_id)}
    with watch.reading(execution_id) as signals:
        places = _Places(world, watch, tasks, agent_events=agent_events, seen=seen)
        seq = after.seq
        over = False
        read = -1  # as many records as were known when they were last looked at
        rung = -1  # and how often it had been told of output
        try:
            await places.open_at(after, execution_id)
            while True:
                ticket = signals.ticket()
                if signals.records != read:
                    read = signals.records
                    over = is_final((await world.store.execution(execution_id)).state)
                    events = await world.store.events(execution_id, after_seq=seq, limit=_PAGE)
                    if len(events) == _PAGE:
                        read = -1  # there may be more
                    async for items in places.with_output(events):
                        yield items
                    if events:
                        seq = events[-1].seq
                told, rung = signals.output != rung, signals.output
                async for items in places.new_output(told=told):
                    yield items
                if read == -1:
                    continue
                if over or not until_end:
                    return
                await signals.beyond(ticket)
        finally:
            places.close()


async def head(world: World, execution_id: str) -> Cursor:
    """Return the cursor of a reader who has seen everything that is there now."""
    seq = 0
    running: set[str] = set()
    while page := await world.store.events(execution_id, after_seq=seq, limit=_PAGE):
        for event in page:
            of_attempt = _attempt_of(event)
            if of_attempt is not None and event.kind == "attempt.starting":
                running.add(of_attempt)
            elif of_attempt is not None and event.kind == "attempt.ended":
                running.discard(of_attempt)
        seq = page[-1].seq
    lengths = await asyncio.to_thread(_lengths, world.journals, running)
    return Cursor(seq=seq, chunks={one: length - 1 for one, length in lengths.items() if length})


def _lengths(journals: Journals, attempts: set[str]) -> dict[str, int]:
    return {one: journals.length(one) for one in attempts}


class _Read(Protocol):
    def __call__(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk] | None: ...


class _Places:
    """The attempts whose output a reader stands in."""

    def __init__(
        self,
        world: World,
        watch: Watch,
        tasks: dict[str, TaskRecord],
        *,
        agent_events: bool,
        seen: Seen | None,
    ) -> None:
        self._world = world
        self._watch = watch
        self._tasks = tasks
        self._agent_events = agent_events
        self._seen = seen or _nobody
        # Whoever keeps count of what agents do needs what they say, whether or not it is passed on.
        self._reads_agents = agent_events or seen is not None
        self._open: dict[str, _OpenAttempt] = {}
        self._after: dict[str, int] = {}

    async def open_at(self, cursor: Cursor, execution_id: str) -> None:
        """Open the attempts that had started and not ended at the cursor."""
        self._after = cursor.chunks
        seq = 0
        while seq < cursor.seq:
            page = await self._world.store.events(execution_id, after_seq=seq, limit=_PAGE)
            if not page:
                return
            for event in page:
                if event.seq <= cursor.seq:
                    self._note(event)
                    self._seen(event)
            seq = page[-1].seq

    async def with_output(
        self, events: Sequence[Lifecycle]
    ) -> AsyncIterator[Sequence[StreamEvent]]:
        """Yield events, and before the end of an attempt the rest of its output."""
        waiting: list[StreamEvent] = []
        for event in events:
            ended = self._note(event)
            if ended is not None:
                if waiting:
                    yield waiting
                    waiting = []
                try:
                    async for items in _drain(ended, self._seen):
                        yield items
                finally:
                    ended.close()
            waiting.append(event)
            self._seen(event)
        if waiting:
            yield waiting

    async def new_output(self, *, told: bool) -> AsyncIterator[Sequence[StreamEvent]]:
        """Yield what the open attempts have written meanwhile.

        Args:
            told: Whether one of them has said that there is more; else it is asked for only where
                more has been seen than was read.
        """
        for one in tuple(self._open.values()):
            if told or one.is_behind:
                async for items in _drain(one, self._seen):
                    yield items

    def close(self) -> None:
        for one in self._open.values():
            one.close()

    def _note(self, event: Lifecycle) -> _OpenAttempt | None:
        """Open what starts; return what ends."""
        of_attempt = _attempt_of(event)
        if of_attempt is None:
            return None
        if event.kind == "attempt.ended":
            return self._open.pop(of_attempt, None)
        if event.kind == "attempt.starting":
            self._open[of_attempt] = _OpenAttempt(
                self._world,
                self._watch,
                event,
                self._tasks,
                self._after.get(of_attempt, -1),
                reads_agents=self._reads_agents,
                passes_on=self._agent_events,
            )
        return None


class _Look(msgspec.Struct):
    """What one look into an attempt's output has found.

    Attributes:
        items: What is passed on.
        said: What the agent said, whether or not it is passed on.
        more: Whether there may be more at once.
    """

    items: list[StreamEvent]
    said: list[FromAgent]
    more: bool = False


class _OpenAttempt:
    """A cursor in one attempt's output, with the dialect's reader behind it when wanted."""

    def __init__(
        self,
        world: World,
        watch: Watch,
        started: Lifecycle,
        tasks: dict[str, TaskRecord],
        after_seq: int,
        *,
        reads_agents: bool,
        passes_on: bool,
    ) -> None:
        assert started.task_id is not None
        assert started.attempt is not None
        self._task_id = started.task_id
        self._number = started.attempt
        of_attempt = attempt_id(self._task_id, self._number)
        self._length = watch.measure(started.execution_id, of_attempt)
        self._leave = partial(watch.leave, of_attempt)
        self._open: Callable[[], JournalReader | None] = partial(world.journals.open, of_attempt)
        self._journal: JournalReader | None = None
        self._shown_seq = after_seq
        spec = tasks[self._task_id].spec
        # Nothing is to be read in what a plain program prints.
        wanted = reads_agents and spec.command is None
        self._reader: Reader | None = dialect_named(spec.dialect).reader(spec) if wanted else None
        # A reader needs the beginning of a line that the cursor may stand in the middle of.
        self._seq = -1 if self._reader else after_seq
        self._passes_on = passes_on

    @property
    def is_behind(self) -> bool:
        """Whether more has been seen than was read."""
        return self._journal is None or self._length.records > self._seq + 1

    def read(self) -> _Look:
        """Return what is next. Blocking (files)."""
        if self._journal is None:
            self._journal = self._open()
        if self._journal is None:
            return _Look([], [])
        return self._read(self._journal.read, _READ_BYTES)

    def read_at_hand(self) -> _Look:
        """Return a little of what is next, as far as that can be done without waiting for a disk."""
        if self._journal is None:
            return _Look([], [], more=True)
        return self._read(self._journal.read_at_hand, _AT_HAND_BYTES)

    def _read(self, read: _Read, left: int) -> _Look:
        look = _Look([], [], more=True)
        # Going on to the end of what is there, if it is near, spares another hop to a thread.
        while left > 0:
            chunks = read(after_seq=self._seq, max_bytes=left)
            if not chunks:
                look.more = chunks is None
                return look
            for chunk in chunks:
                self._take(chunk, look)
                left -= len(chunk.data)
            self._seq = chunks[-1].seq
        return look

    def _take(self, chunk: Chunk, look: _Look) -> None:
        read = self._reader.feed(chunk.stream, chunk.data) if self._reader else ()
        said = [
            FromAgent(
                task_id=self._task_id,
                attempt=self._number,
                seq=chunk.seq,
                at=chunk.at,
                event=event,
            )
            for event, _progress in read
        ]
        look.said.extend(said)
        if chunk.seq <= self._shown_seq:
            return
        output = Output(
            task_id=self._task_id,
            attempt=self._number,
            seq=chunk.seq,
            offset=chunk.offset,
            at=chunk.at,
            stream=chunk.stream,
            data=chunk.data,
        )
        look.items.append(output)
        if self._passes_on:
            look.items.extend(said)

    def close(self) -> None:
        self._leave()
        if self._journal is not None:
            self._journal.close()


def _nobody(_event: StreamEvent) -> None:
    """Nobody keeps count."""


async def _drain(one: _OpenAttempt, seen: Seen) -> AsyncIterator[Sequence[StreamEvent]]:
    look = one.read_at_hand()
    while True:
        for event in look.said:
            seen(event)
        if look.items:  # those before the cursor were read for the reader of the agent's lines only
            yield look.items
        if not look.more:
            return
        look = await asyncio.to_thread(one.read)


def _attempt_of(event: Lifecycle) -> str | None:
    if event.task_id is None or event.attempt is None:
        return None
    return attempt_id(event.task_id, event.attempt)
