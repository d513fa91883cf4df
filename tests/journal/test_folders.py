from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cc_executor.journal import layout
from cc_executor.journal.folders import FolderJournals
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.records import STDERR, STDOUT
from cc_executor.journal.writer import JournalWriter
from cc_executor.testing.contracts.journals import JournalsContract

if TYPE_CHECKING:
    from cc_executor.model.events import Stream

NUMBERS = {"stdout": STDOUT, "stderr": STDERR}


class FolderBench:
    """Attempt folders, written as a supervisor writes them."""

    def __init__(self, home: StateDirectory) -> None:
        self.journals = FolderJournals(home)
        self._writers: dict[str, JournalWriter] = {}

    def append(self, attempt_id: str, stream: Stream, data: bytes, *, at: float) -> None:
        writer = self._writers.get(attempt_id)
        if writer is None:
            folder = self.journals.folder(attempt_id)
            folder.mkdir(parents=True)
            writer = self._writers[attempt_id] = JournalWriter(str(folder))
        writer.append(NUMBERS[stream], memoryview(data), at_ns=int(at * 1e9))

    def damage(self, attempt_id: str, offset: int) -> None:
        with (self.journals.folder(attempt_id) / layout.OUTPUT).open("r+b") as output:
            output.seek(offset)
            (byte,) = output.read(1)
            output.seek(offset)
            output.write(bytes((byte ^ 1,)))

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class TestFolderJournals(JournalsContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[FolderBench]:
        bench = FolderBench(StateDirectory(tmp_path / "state"))
        yield bench
        bench.close()
