"""Who owns which execution, within one process."""

from __future__ import annotations

import threading


class MemoryOwners:
    """Implements `ports.journal.Owners`. Engines that share one of these share its executions.

    Give each engine its own by `MemoryOwners.engine`; `die` is what `kill -9` of it would do.
    """

    def __init__(self) -> None:
        self._locks: dict[str, MemoryLock] = {}
        self._guard = threading.Lock()
        self._owned: set[MemoryLock] = set()

    def engine(self) -> MemoryOwners:
        """Return what another engine sees of the same executions."""
        other = MemoryOwners()
        other._locks = self._locks
        other._guard = self._guard
        return other

    def acquire(self, execution_id: str) -> MemoryLock | None:
        """Own the execution, or return None because a living engine does."""
        with self._guard:
            if execution_id in self._locks:
                return None
            lock = MemoryLock(self._locks, execution_id)
            self._locks[execution_id] = lock
            self._owned.add(lock)
            return lock

    def is_owned(self, execution_id: str) -> bool:
        """Tell whether a living engine owns the execution."""
        return execution_id in self._locks

    def die(self) -> None:
        """Own nothing any more, without a farewell."""
        for lock in self._owned:
            lock.release()


class MemoryLock:
    """Implements `ports.journal.Ownership`."""

    def __init__(self, locks: dict[str, MemoryLock], execution_id: str) -> None:
        self._locks = locks
        self._execution_id = execution_id

    def release(self) -> None:
        """Let another engine have the execution. Doing it again changes nothing."""
        if self._locks.get(self._execution_id) is self:
            del self._locks[self._execution_id]
