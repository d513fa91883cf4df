"""Who of those that wait gets the next free place on the machine. Pure.

Among owners, whoever has the fewest places has the next one, and of those whoever has waited longest
for one: so every owner gets a fair share, however much another one asks for. Inside one owner the
higher priority is first, then whoever came first.

The one whose turn it is may need more memory than there is. It is then waited for: nobody who needs
memory overtakes it. Who needs none worth speaking of may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

SLOT: Final = "slot"
MEMORY: Final = "memory"

#: How long a new place's memory is reserved, less and less: until it has grown, the machine's free
#: memory does not show it.
GROWING_S: Final = 60.0


class Applicant(NamedTuple):
    """Somebody who wants a place.

    Attributes:
        ident: Unique among all that are here.
        owner: Whose it is.
        priority: Among those of its owner.
        memory_bytes: What it is expected to need; 0: nobody knows, or little.
    """

    ident: str
    owner: str
    priority: int
    memory_bytes: int


class _Taken(NamedTuple):
    applicant: Applicant
    at: float


class Places:
    """Places, and who has them and who waits for one. Instants come in, monotonic, in seconds.

    Args:
        most: How many there are; None: as many as anybody wants.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._taken: dict[str, _Taken] = {}
        self._waiting: dict[str, Applicant] = {}  # in order of arrival
        self._turns: dict[str, int] = {}  # by owner, when it last got a place
        self._turn = 0

    @property
    def taken(self) -> int:
        """How many have a place."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    def ask(self, applicant: Applicant) -> None:
        """Let somebody wait for a place."""
        self._waiting[applicant.ident] = applicant

    def take(self, applicant: Applicant, now: float) -> None:
        """Note somebody who is there already, whether there is a place or not."""
        self._taken[applicant.ident] = _Taken(applicant, now)

    def leave(self, ident: str) -> None:
        """Forget somebody who had a place or waited. Doing it again changes nothing."""
        self._taken.pop(ident, None)
        self._waiting.pop(ident, None)
        if not self._taken and not self._waiting:
            self._turns.clear()  # what is remembered of owners is bounded by those who are here
            self._turn = 0

    def admit(self, now: float, *, memory_bytes: int | None) -> list[str]:
        """Give away what is free; return who has got a place, in order.

        Args:
            memory_bytes: What may be used now; None: nobody knows, and nobody waits for it.
        """
        admitted = []
        while (chosen := self._next(now, memory_bytes)) is not None:
            del self._waiting[chosen.ident]
            self._taken[chosen.ident] = _Taken(chosen, now)
            self._turn += 1
            self._turns[chosen.owner] = self._turn
            admitted.append(chosen.ident)
        return admitted

    def reason(self) -> str:
        """Return what those who wait are waiting for."""
        return SLOT if self._is_full() else MEMORY

    def _next(self, now: float, memory_bytes: int | None) -> Applicant | None:
        if self._is_full():
            return None
        left_bytes = None if memory_bytes is None else memory_bytes - self._reserved_bytes(now)
        for applicant in self._in_turn():
            # Where nothing runs, waiting would not free anything.
            fits = left_bytes is None or not self._taken or applicant.memory_bytes <= left_bytes
            if fits or not applicant.memory_bytes:
                return applicant
            left_bytes = -1  # it is waited for
        return None

    def _in_turn(self) -> Iterator[Applicant]:
        held: dict[str, int] = {}
        for taken in self._taken.values():
            held[taken.applicant.owner] = held.get(taken.applicant.owner, 0) + 1
        # Sorting keeps the order of arrival among equals.
        yield from sorted(
            self._waiting.values(),
            key=lambda one: (
                held.get(one.owner, 0),
                self._turns.get(one.owner, 0),
                one.owner,
                -one.priority,
            ),
        )

    def _is_full(self) -> bool:
        return self._most is not None and len(self._taken) >= self._most

    def _reserved_bytes(self, now: float) -> int:
        """Return the memory that is promised and not used yet."""
        return sum(
            int(one.applicant.memory_bytes * max(0.0, 1.0 - (now - one.at) / GROWING_S))
            for one in self._taken.values()
        )
