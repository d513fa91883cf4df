"""What a child reads and writes: its pipes on one side, its journal on the other.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
import time
from collections.abc import Callable
from typing import Final

from cc_executor.journal.records import STDERR, STDOUT
from cc_executor.journal.writer import JournalWriter

OUTPUT_LIMIT: Final = "output"
DISK_LIMIT: Final = "disk"

_MAX_UNWRITTEN_BYTES: Final = 1 << 20
_FEED_BYTES: Final = 1 << 16
#: A read that gives so much is one of many: the next bytes are there already.
_FLOOD_BYTES: Final = 1 << 15
#: Whole chunks that are taken in one turn of the loop; then timers and commands get theirs.
_FLOOD_CHUNKS: Final = 32
#: A user has 64 MiB for pipes; beyond it, all new ones of that user shrink to one page. So only
#: those of programs that need it are wide.
_WIDE_PIPE_BYTES: Final = 1 << 20
#: What pipes may hold when everything that wrote to them is dead. Who writes more than this is
#: somebody else, to whom the tree has handed a descriptor.
_MAX_DRAIN_BYTES: Final = 4 << 20


class Capture:
    """Reads stdout and stderr as they come and appends them to the journal.

    What came first is written first, as far as two pipes can tell: bytes that wait in both at
    the same moment are taken from stdout first. When a limit is reached, the rest is read and
    thrown away, so that the child can go on and end in good order.

    Args:
        selector: The event loop.
        journal: Where the bytes go.
        buffer: For the bytes of one read, at most `records.MAX_CHUNK_BYTES`.
        limit_bytes: Bound on both streams together. None: no bound.
        on_limit: Called once when a limit is reached, with its name and a sentence.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        journal: JournalWriter,
        buffer: bytearray,
        *,
        limit_bytes: int | None,
        on_limit: Callable[[str, str], None],
    ) -> None:
        self.bytes = {STDOUT: 0, STDERR: 0}
        self._selector = selector
        self._journal = journal
        self._limit_bytes = limit_bytes
        self._on_limit = on_limit
        self._full = False
        self._open: dict[int, int] = {}
        self._wide: set[int] = set()
        self._ended: list[int] = []
        self._buffer = buffer
        self._view = memoryview(buffer)

    @property
    def head(self) -> int:
        """Bytes captured so far."""
        return self._journal.end

    def watch(self, stream: int, fd: int) -> None:
        """Read `fd` as this stream from now on."""
        os.set_blocking(fd, False)
        self._open[fd] = stream
        self._selector.register(fd, selectors.EVENT_READ, lambda _mask: self._take_turn(fd))

    def drain(self) -> None:
        """Take what is still in the pipes, and let go of them. Waits for nobody."""
        left = _MAX_DRAIN_BYTES
        for fd in sorted(self._open, key=self._open.__getitem__):
            while fd in self._open and left > 0 and (count := self._read(fd)):
                left -= count
        for fd in tuple(self._open):
            self._let_go(fd)

    def _take_turn(self, fd: int) -> None:
        """Take what is there; in a flood several chunks, for waking up costs as much as one."""
        for _ in range(_FLOOD_CHUNKS):
            if fd not in self._open or self._read(fd) < len(self._buffer):
                return
            self._widen(fd)

    def _widen(self, fd: int) -> None:
        """Let the program write more before it has to wait for us."""
        if sys.platform == "linux" and fd not in self._wide:
            import fcntl

            self._wide.add(fd)
            with contextlib.suppress(OSError):  # its user has too many of them
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _WIDE_PIPE_BYTES)

    def _read(self, fd: int) -> int:
        """Take what is there, one chunk at most; return how many bytes that were."""
        count = 0
        while count < len(self._buffer):
            try:
                more = os.readv(fd, [self._view[count:]])
            except BlockingIOError:
                break
            count += more
            if more == 0:
                self._ended.append(fd)
            if more < _FLOOD_BYTES:
                break
        if count:
            self._keep(self._open[fd], self._view[:count])
        while self._ended:
            self._let_go(self._ended.pop())
        return count

    def _keep(self, stream: int, data: memoryview) -> None:
        if self._full:
            return
        room = len(data) if self._limit_bytes is None else self._limit_bytes - self.head
        kept = data[:room]
        try:
            if kept:
                self._journal.append(stream, kept, at_ns=time.time_ns())
        except OSError as error:
            self._stop_keeping(DISK_LIMIT, error.strerror or str(error))
            return
        self.bytes[stream] += len(kept)
        if len(kept) < len(data):
            self._stop_keeping(OUTPUT_LIMIT, f"more than {self._limit_bytes} bytes of output")

    def _stop_keeping(self, limit: str, problem: str) -> None:
        self._full = True
        self._on_limit(limit, problem)

    def _let_go(self, fd: int) -> None:
        del self._open[fd]
        self._wide.discard(fd)
        self._selector.unregister(fd)
        os.close(fd)


class StdinFeed:
    """Writes to a child's stdin what it is given, at the child's own pace.

    Args:
        selector: The event loop.
        fd: Write end of the pipe.
    """

    def __init__(self, selector: selectors.BaseSelector, fd: int) -> None:
        os.set_blocking(fd, False)
        self._selector = selector
        self._fd: int | None = fd
        self._unwritten = bytearray()
        self._closing = False

    @property
    def has_room(self) -> bool:
        """Whether more may be given now."""
        return len(self._unwritten) < _MAX_UNWRITTEN_BYTES

    @property
    def is_open(self) -> bool:
        """Whether the child can still be given something."""
        return self._fd is not None and not self._closing

    def give(self, data: bytes) -> None:
        """Write `data` as soon as the child reads."""
        self._unwritten += data
        self._write()

    def close(self) -> None:
        """End the child's stdin once all that was given is written."""
        self._closing = True
        self._write()

    def cut(self) -> None:
        """End it at once."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        if fd in self._selector.get_map():
            self._selector.unregister(fd)
        os.close(fd)

    def _write(self) -> None:
        if self._fd is None:
            return
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._fd, self._unwritten[:_FEED_BYTES])]
        except BlockingIOError:
            if self._fd not in self._selector.get_map():
                self._selector.register(
                    self._fd, selectors.EVENT_WRITE, lambda _mask: self._write()
                )
            return
        except BrokenPipeError:  # the child has closed it, or is gone
            self.cut()
            return
        if self._fd in self._selector.get_map():
            self._selector.unregister(self._fd)
        if self._closing:
            self.cut()
