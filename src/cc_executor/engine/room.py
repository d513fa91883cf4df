"""The gate of the machine: a place for each attempt, memory for it, and a disk that is not full."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from cc_executor.engine.gates import Candidate, GateClosed, Survivor, Tell
from cc_executor.model.failures import Failure
from cc_executor.model.ids import attempt_id
from cc_executor.model.outcomes import Outcome
from cc_executor.model.places import MEMORY, SLOT, Applicant, Places
from cc_executor.model.policy import Policy
from cc_executor.model.records import Waiting
from cc_executor.model.specs import TaskSpec
from cc_executor.ports.clock import Clock
from cc_executor.ports.resources import Resources

DISK: Final = "disk"

_MIB: Final = 1 << 20
#: What nobody tells of: memory that others give back, and a disk that somebody tidies up.
_LOOK_S: Final = 1.0
#: How long a task waits for the disk before it fails: nobody here will free it.
_DISK_S: Final = 600.0
#: Measured: Claude Code 2.1.330 takes 200 MiB for a small task.
_AGENT_BYTES: Final = 256 * _MIB
_REMEMBERED: Final = 20

_WORDS: Final = {
    SLOT: "all places of this engine are taken (max_running)",
    MEMORY: "not enough memory is free for one more",
}


def foreseen_bytes(candidate: Candidate) -> int | None:
    """Return the memory that nine of ten attempts like this one stay within, None when unknown."""
    band = candidate.prepared.forecast.memory_bytes
    return None if band is None else int(band.p90)


class Peaks:
    """What attempts of this engine have taken, by agent or program."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[int]] = {}

    def most_bytes(self, spec: TaskSpec) -> int | None:
        """Return the most that one of the last twenty of its kind took; None before the first."""
        seen = self._seen.get(_kind(spec))
        return max(seen) if seen else None

    def learn(self, spec: TaskSpec, outcome: Outcome | None) -> None:
        """Note what an attempt took, as far as anybody saw."""
        executed = outcome.executed if outcome is not None else None
        if executed is not None:
            seen = max(executed.memory_peak_bytes or 0, executed.max_rss_bytes or 0)
            if seen:
                self._seen.setdefault(_kind(spec), deque(maxlen=_REMEMBERED)).append(seen)


class Room:
    """Lets attempts pass as far as the machine has room for them. One for each engine.

    Where there is room nothing is asked but memory, and nothing is awaited. With nothing running
    one attempt always passes, so that nobody waits for ever; only for a full disk nobody passes,
    and who has waited ten minutes for it fails.

    Args:
        policy: The bounds.
        resources: What the machine has left; None: nobody looks, and only places count.
        clock: For people, who are told since when a task waits.
        expected_bytes: Returns what memory an attempt will need, None where nobody knows; what
            attempts of this engine took counts beside it. By default, what the forecast says.
        look_s: How often it is looked again while somebody waits.
        disk_s: How long an attempt waits for the disk.
    """

    def __init__(
        self,
        policy: Policy,
        resources: Resources | None,
        clock: Clock,
        *,
        expected_bytes: Callable[[Candidate], int | None] = foreseen_bytes,
        look_s: float = _LOOK_S,
        disk_s: float = _DISK_S,
    ) -> None:
        self._policy = policy
        self._resources = resources
        self._clock = clock
        self._expected_bytes = expected_bytes
        self._look_s = look_s
        self._disk_s = disk_s
        self._peaks = Peaks()
        self._places = Places(policy.max_running)
        self._calls: dict[str, asyncio.Event] = {}

    @property
    def running(self) -> int:
        """How many attempts have a place."""
        return self._places.taken

    @property
    def waiting(self) -> int:
        """How many wait for one, those that wait for the disk included."""
        return len(self._calls)

    async def enter(self, candidate: Candidate, tell: Tell) -> Place:
        """Return when there is room for the attempt.

        Raises:
            GateClosed: The disk is full, and stays so.
        """
        ident = attempt_id(candidate.task.id, candidate.number)
        called = self._calls[ident] = asyncio.Event()
        try:
            await self._disk(called, tell)
            self._places.ask(self._applicant(ident, candidate))
            self._call_next()
            if not called.is_set():
                await self._wait(called, tell)
        except BaseException:
            self.free(ident)
            raise
        finally:
            del self._calls[ident]
        return Place(self, ident, candidate.task.spec)

    async def adopt(self, survivor: Survivor) -> Place:
        """Give a place to an attempt that has one already, whether one is free or not."""
        ident = attempt_id(survivor.task.id, survivor.number)
        owner = survivor.execution.principal or ""
        self._places.take(Applicant(ident, owner, 0, 0), time.monotonic())
        return Place(self, ident, survivor.task.spec)

    def free(self, ident: str) -> None:
        """Take back a place, and give it to who is next."""
        self._places.leave(ident)
        self._call_next()

    def learn(self, spec: TaskSpec, outcome: Outcome | None) -> None:
        """Note what an attempt took."""
        self._peaks.learn(spec, outcome)

    def _applicant(self, ident: str, candidate: Candidate) -> Applicant:
        return Applicant(
            ident,
            candidate.execution.principal or "",
            candidate.execution.task_list.priority,
            self._needed_bytes(candidate),
        )

    def _needed_bytes(self, candidate: Candidate) -> int:
        """Return what an attempt will need; of what nobody knows, agents are taken for small."""
        spec = candidate.task.spec
        told = (self._expected_bytes(candidate), self._peaks.most_bytes(spec))
        known = [one for one in told if one is not None]
        return max(known) if known else 0 if spec.command is not None else _AGENT_BYTES

    def _call_next(self) -> None:
        for ident in self._places.admit(time.monotonic(), memory_bytes=self._memory_bytes()):
            self._calls[ident].set()

    async def _wait(self, called: asyncio.Event, tell: Tell) -> None:
        since, told = self._clock.now_s(), ""
        while not called.is_set():
            reason = self._places.reason()
            if reason != told:
                told = reason
                await tell(Waiting(reason, since, None, _WORDS[reason]))
            await self._pause(called)
            self._call_next()
        await tell(None)

    async def _disk(self, called: asyncio.Event, tell: Tell) -> None:
        """Return when the disk has what must be free."""
        if not self._is_disk_full():
            return
        since = self._clock.now_s()
        gives_up_at = time.monotonic() + self._disk_s
        floor = f"{self._policy.disk_floor_bytes // _MIB:,} MiB must be free (disk_floor_mb)"
        message = f"the disk of the state directory is full: {floor}"
        await tell(Waiting(DISK, since, since + self._disk_s, message))
        while self._is_disk_full():
            if time.monotonic() >= gives_up_at:
                raise GateClosed(Failure.RESOURCE_EXCEEDED, message)
            await self._pause(called)
        await tell(None)

    async def _pause(self, called: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._look_s):
                await called.wait()
        except TimeoutError:
            return

    def _memory_bytes(self) -> int | None:
        """Return what attempts may use now, None when nobody knows."""
        if self._resources is None:
            return None
        available = self._resources.latest().memory_available_bytes
        return None if available is None else available - self._policy.memory_floor_bytes

    def _is_disk_full(self) -> bool:
        if self._resources is None:
            return False
        free = self._resources.latest().disk_free_bytes
        return free is not None and free < self._policy.disk_floor_bytes


class Place:
    """One attempt's place.

    Args:
        room: Whose place it is.
        ident: Id of the attempt.
        spec: Its task.
    """

    def __init__(self, room: Room, ident: str, spec: TaskSpec) -> None:
        self._room = room
        self._ident = ident
        self._spec = spec

    async def settle(self, outcome: Outcome | None) -> None:
        """Give it back, and let the room learn."""
        self._room.learn(self._spec, outcome)
        self._room.free(self._ident)

    def leave(self) -> None:
        """Give it back."""
        self._room.free(self._ident)


def _kind(spec: TaskSpec) -> str:
    return spec.agent if spec.command is None else f"command {PurePath(spec.command[0]).name}"
