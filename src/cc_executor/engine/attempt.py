"""One attempt, from the committed intent to its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from cc_executor.agents.base import Activity, Reader
from cc_executor.engine.prepare import Prepared
from cc_executor.engine.settle import settle
from cc_executor.engine.world import World
from cc_executor.model.events import LimitNotice, Message
from cc_executor.model.outcomes import Changes, EndedBy, Executed, Outcome
from cc_executor.model.spending import Counter, charged, exceeded
from cc_executor.ports.journal import JournalReader
from cc_executor.ports.process import StopReason, Supervised
from cc_executor.ports.workspace import Before

_READ_BYTES = 256 * 1024
_NOT_SEEN = Changes(complete=False)  # nobody looked at the workspace before it started


class Attempt:
    """One run of a child process, as its engine sees it.

    The supervisor owns the process; this reads what it captures, tells it what is progress, and
    passes on what people want. Losing it loses nothing: another one takes up the same folder.

    Args:
        world: The engine's world.
        attempt_id: Id of the attempt.
        folder: Its folder.
        prepared: What is to be run (for an adopted one: was).
        on_output: Called whenever there is more to read.
        on_limit: Told what the agent reports of its usage window; None: nobody is.
    """

    def __init__(
        self,
        world: World,
        attempt_id: str,
        folder: Path,
        prepared: Prepared,
        on_output: Callable[[], None],
        *,
        on_limit: Callable[[LimitNotice], Awaitable[None]] | None = None,
    ) -> None:
        self._on_limit = on_limit
        self._world = world
        self._attempt_id = attempt_id
        self._folder = folder
        self._prepared = prepared
        self._on_output = on_output
        self._supervised: Supervised | None = None
        self._stop: tuple[StopReason, bool] | None = None
        self._paused = False
        self._before: Before | None = None

    def inherit_wishes(self, *, paused: bool, stop: tuple[StopReason, bool] | None) -> None:
        """Take over what was wished of its task before it existed."""
        self._paused = paused
        self._stop = stop

    @property
    def prepared(self) -> Prepared:
        """What is, or was, to be run."""
        return self._prepared

    async def look(self, before: Before | None) -> Before:
        """Remember the workspace as it is before the child can touch it.

        Args:
            before: How it was before the task's first attempt: a task's changes are those of all
                its attempts together. None: look now.
        """
        if before is None:
            workspace = Path(self._prepared.launch.cwd)
            before = await asyncio.to_thread(self._world.workspaces.look, workspace)
        self._before = before
        return before

    async def start(self, permission: Awaitable[object] | None = None) -> Supervised | None:
        """Start the child; None when it was cancelled before.

        Args:
            permission: What must be done before the child may exist. It is made ready meanwhile.

        Raises:
            SpawnFailed: No child exists.
            Exception: Whatever `permission` raises; no child exists.
        """
        permitted = asyncio.ensure_future(self._is_permitted(permission))
        try:
            await asyncio.sleep(0)  # what takes longest, a wait for the disk, begins first
            supervised = await self._world.supervision.start_when(
                permitted, self._prepared.launch, self._folder
            )
        finally:
            permitted.cancel()
        if supervised is not None:
            await self.attach(supervised)
        return supervised

    async def _is_permitted(self, permission: Awaitable[object] | None) -> bool:
        if permission is not None:
            await permission
        return self._stop is None

    async def attach(self, supervised: Supervised) -> None:
        """Take a running child; catch up with what was asked for in the meantime."""
        self._supervised = supervised
        if self._paused:
            await supervised.pause()
        if self._stop is not None:
            reason, now = self._stop
            await supervised.stop(reason, now=now)

    async def pause(self) -> None:
        """Freeze the tree, now or as soon as it exists."""
        self._paused = True
        if self._supervised is not None:
            await self._supervised.pause()

    async def resume(self) -> None:
        """Thaw it."""
        self._paused = False
        if self._supervised is not None:
            await self._supervised.resume()

    async def stop(self, reason: StopReason, *, now: bool) -> None:
        """Ask for its end, now or before it starts."""
        self._stop = (reason, now)
        if self._supervised is not None:
            await self._supervised.stop(reason, now=now)

    async def let_go(self) -> None:
        """Leave a running child to whoever adopts it, or to its orphan grace."""
        if self._supervised is not None:
            await self._supervised.aclose()

    async def finish(self) -> Outcome:
        """Watch the child to its end and return what came of it."""
        supervised = self._supervised
        if supervised is None:
            return await self.conclude(Executed(ended_by=EndedBy.CANCEL))
        tail = _Tail(self._world, self._attempt_id, self._prepared)
        try:
            if self._prepared.launch.judged:
                await self._watch(supervised, tail)
            else:
                await self._announce(supervised)
            executed = await supervised.wait()
            return await self._ended(executed, tail)
        finally:
            tail.close()

    async def conclude(self, executed: Executed) -> Outcome:
        """Return the outcome of an attempt that ended before it could be watched."""
        tail = _Tail(self._world, self._attempt_id, self._prepared)
        try:
            return await self._ended(executed, tail)
        finally:
            tail.close()

    async def _ended(self, executed: Executed, tail: _Tail) -> Outcome:
        outcome = await asyncio.to_thread(self._outcome, executed, tail)
        await self._pass_on(tail)
        return outcome

    async def _pass_on(self, tail: _Tail) -> None:
        """Tell of the usage windows that were reported since the last time."""
        reported, tail.limits = tail.limits, []
        if self._on_limit is not None:
            for notice in reported:
                await self._on_limit(notice)

    async def _announce(self, supervised: Supervised) -> None:
        """Tell of output until the child has ended."""
        head = 0
        while True:
            await supervised.changed(beyond=head)
            if supervised.head <= head:
                return
            head = supervised.head
            self._on_output()

    async def _watch(self, supervised: Supervised, tail: _Tail) -> None:
        while True:
            await supervised.changed(beyond=tail.offset)
            self._on_output()
            if supervised.head <= tail.offset:
                return  # it has ended, and everything it said has been read
            progress = await asyncio.to_thread(tail.advance)
            await self._mind_the_budget(tail)
            await self._pass_on(tail)
            activity = tail.activity
            supervised.judge(
                tail.offset,
                progress=progress,
                hold=activity.hold,
                hold_s=_excused_s(activity, self._world.clock.now_s()),
                finished=activity.finished,
            )

    async def _mind_the_budget(self, tail: _Tail) -> None:
        """Ask an agent to end that has used more than it may, and has not given its result."""
        allowance = self._prepared.allowance
        if allowance is None or self._stop is not None or tail.activity.finished:
            return
        if exceeded(allowance, tokens=tail.counter.tokens, turns=tail.counter.turns):
            await self.stop(StopReason.BUDGET, now=False)

    def _outcome(self, executed: Executed, tail: _Tail) -> Outcome:
        tail.read_to_end()
        conclusion = tail.reader.conclude(executed)
        if conclusion.claimed.text is None and tail.last_text is not None:
            claimed = msgspec.structs.replace(conclusion.claimed, last_text=tail.last_text)
            conclusion = msgspec.structs.replace(conclusion, claimed=claimed)
        conclusion = tail.counter.added_to(conclusion)
        changes = self._before.compare() if self._before else _NOT_SEEN
        outcome = settle(self._prepared.spec, executed, conclusion, changes)
        return charged(outcome, self._prepared.allowance)


def _excused_s(activity: Activity, now_s: float) -> float | None:
    """Return how long an agent's silence is excused from now on; None: until it says more."""
    if activity.hold_until is None:
        return activity.hold_s
    return max(0.0, activity.hold_until - now_s)


class _Tail:
    """The engine's own cursor in an attempt's output, with the dialect's reader behind it."""

    def __init__(self, world: World, attempt_id: str, prepared: Prepared) -> None:
        self.reader: Reader = prepared.dialect.reader(prepared.spec)
        self.offset = 0
        self.last_text: str | None = None
        self.counter = Counter()
        self.limits: list[LimitNotice] = []
        self._seq = -1
        self._judged = prepared.launch.judged
        self._journals = world.journals
        self._attempt_id = attempt_id
        self._journal: JournalReader | None = None

    @property
    def activity(self) -> Activity:
        return self.reader.activity

    def advance(self) -> bool:
        """Read what is there, up to a bound; tell whether it held progress."""
        if self._journal is None:
            self._journal = self._journals.open(self._attempt_id)
        if self._journal is None:
            return False
        progress = False
        for chunk in self._journal.read(after_seq=self._seq, max_bytes=_READ_BYTES):
            for event, counts in self.reader.feed(chunk.stream, chunk.data):
                progress = progress or counts
                if isinstance(event, Message) and not event.partial:
                    self.last_text = event.text
                self.counter.take(event)
                if isinstance(event, LimitNotice):
                    self.limits.append(event)
            self._seq = chunk.seq
            self.offset = chunk.offset + len(chunk.data)
        return progress

    def read_to_end(self) -> None:
        """Read the rest; of a program that nobody judges, only as much as its reader keeps."""
        if not self._judged:
            self._journal = self._journals.open(self._attempt_id)
            if self._journal is not None:
                self._seq = max(self._seq, self._journal.seq_before_last(_READ_BYTES))
        while True:
            before = self._seq
            self.advance()
            if self._seq == before:
                return

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
