"""Taking output from pipes."""

from __future__ import annotations

import fcntl
import os
import selectors
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_executor.journal import layout
from cc_executor.journal.records import MAX_CHUNK_BYTES, STDOUT
from cc_executor.journal.writer import JournalWriter
from cc_executor.process.capture import Capture

FLOOD = os.urandom(1 << 16) * 64  # 4 MiB
DEFAULT_PIPE_BYTES = 1 << 16


class Captured:
    """A capture of one pipe, and the loop that drives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.selector = selectors.DefaultSelector()
        self.readable, self.writable = os.pipe()
        self.capture = Capture(
            self.selector,
            JournalWriter(str(folder)),
            bytearray(MAX_CHUNK_BYTES),
            limit_bytes=None,
            on_limit=lambda limit, problem: pytest.fail(f"{limit}: {problem}"),
        )
        self.capture.watch(STDOUT, self.readable)

    @property
    def pipe_bytes(self) -> int:
        return fcntl.fcntl(self.readable, fcntl.F_GETPIPE_SZ)

    def turn(self) -> bool:
        """Take one turn of the loop; False when nothing came for a while."""
        ready = self.selector.select(5.0)
        for key, mask in ready:
            key.data(mask)
        return bool(ready)

    def output(self) -> bytes:
        return (self.folder / layout.OUTPUT).read_bytes()


@pytest.fixture
def captured(tmp_path: Path) -> Iterator[Captured]:
    one = Captured(tmp_path)
    yield one
    one.capture.drain()
    one.selector.close()


def test_a_flood_is_taken_byte_for_byte(captured: Captured) -> None:
    def write() -> None:
        with os.fdopen(captured.writable, "wb", buffering=0) as file:
            left = memoryview(FLOOD)
            while left:
                left = left[file.write(left) :]

    writer = threading.Thread(target=write)
    writer.start()
    while captured.capture.head < len(FLOOD):
        assert captured.turn()
    writer.join(5.0)

    assert captured.output() == FLOOD


def test_only_the_pipe_of_a_flood_is_widened(captured: Captured) -> None:
    os.write(captured.writable, b"a line\n")
    captured.turn()
    assert captured.pipe_bytes == DEFAULT_PIPE_BYTES

    fcntl.fcntl(captured.readable, fcntl.F_SETPIPE_SZ, MAX_CHUNK_BYTES)  # room for a chunk at once
    os.write(captured.writable, FLOOD[:MAX_CHUNK_BYTES])
    captured.turn()
    assert captured.pipe_bytes > MAX_CHUNK_BYTES
    os.close(captured.writable)


def test_all_chunks_that_wait_are_taken_in_one_turn(captured: Captured) -> None:
    fcntl.fcntl(captured.readable, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.write(captured.writable, FLOOD[: 1 << 20])

    captured.turn()
    assert captured.capture.head == 1 << 20

    os.close(captured.writable)
