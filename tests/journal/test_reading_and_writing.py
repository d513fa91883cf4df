from __future__ import annotations

import contextlib
import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import JournalDamaged
from cc_executor.journal import layout
from cc_executor.journal.reader import FileJournalReader
from cc_executor.journal.records import (
    HEADER,
    MAX_CHUNK_BYTES,
    RECORD_BYTES,
    STDERR,
    STDOUT,
    Record,
    pack,
    unpack,
)
from cc_executor.journal.recovery import Captured, recover
from cc_executor.journal.writer import JournalWriter

NAMES = {STDOUT: "stdout", STDERR: "stderr"}
chunks = st.lists(
    st.tuples(st.sampled_from((STDOUT, STDERR)), st.binary(min_size=1, max_size=300)), max_size=20
)


def write(folder: Path, written: list[tuple[int, bytes]]) -> None:
    writer = JournalWriter(str(folder))
    for number, (stream, data) in enumerate(written):
        writer.append(stream, memoryview(data), at_ns=1_000_000_000 + number)
    writer.sync()
    writer.close()


def read_all(
    folder: Path, *, after_seq: int = -1, max_bytes: int = 1 << 20
) -> list[tuple[str, bytes]]:
    try:
        reader = FileJournalReader(folder)
    except FileNotFoundError:
        return []
    found: list[tuple[str, bytes]] = []
    try:
        while batch := reader.read(after_seq=after_seq, max_bytes=max_bytes):
            for chunk in batch:
                assert chunk.seq == after_seq + 1
                after_seq = chunk.seq
                found.append((chunk.stream, chunk.data))
    finally:
        reader.close()
    return found


def as_read(written: list[tuple[int, bytes]]) -> list[tuple[str, bytes]]:
    return [(NAMES[stream], data) for stream, data in written]


@given(chunks, st.data())
def test_any_truncation_leaves_a_prefix_and_never_wrong_bytes(
    written: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, written)
        for file in (layout.INDEX, layout.OUTPUT):
            if (folder / file).exists():
                size = (folder / file).stat().st_size
                os.truncate(folder / file, data.draw(st.integers(0, size)))

        found = read_all(folder)

        assert found == as_read(written)[: len(found)]


@given(chunks.filter(bool), st.integers(1, 64))
def test_an_end_that_was_zeroed_by_a_power_failure_is_not_there(
    written: list[tuple[int, bytes]], zeros: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, written)
        with (folder / layout.INDEX).open("ab") as index:
            index.write(bytes(zeros))

        assert read_all(folder) == as_read(written)


def test_a_damaged_record_in_the_middle_is_told(tmp_path: Path) -> None:
    write(tmp_path, [(STDOUT, b"one"), (STDOUT, b"two"), (STDOUT, b"three")])
    index = bytearray((tmp_path / layout.INDEX).read_bytes())
    index[len(HEADER) + RECORD_BYTES] ^= 1
    (tmp_path / layout.INDEX).write_bytes(index)

    with pytest.raises(JournalDamaged, match="record 1"):
        read_all(tmp_path)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_record_is_one_only_in_its_own_place(seq: int, other: int) -> None:
    record = Record(7, 8, 9, 10, STDERR)

    assert unpack(pack(record, seq), seq) == record
    if seq != other:
        assert unpack(pack(record, seq), other) is None


def test_zeros_are_no_record() -> None:
    assert all(unpack(bytes(RECORD_BYTES), seq) is None for seq in range(1000))


def test_an_index_of_unknown_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [(STDOUT, b"x")])
    with (tmp_path / layout.INDEX).open("r+b") as index:
        index.write(b"something else")

    with pytest.raises(JournalDamaged, match="unknown format"):
        FileJournalReader(tmp_path)


def test_a_silent_attempt_has_no_files(tmp_path: Path) -> None:
    write(tmp_path, [])

    assert list(tmp_path.iterdir()) == []


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    write(tmp_path, [(STDOUT, b"x")])

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [(STDOUT, b"mine")])

    with pytest.raises(FileExistsError):
        write(tmp_path, [(STDOUT, b"yours")])
    assert read_all(tmp_path) == [("stdout", b"mine")]


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    writer = JournalWriter(str(tmp_path))
    writer.append(STDOUT, memoryview(b"before"), at_ns=1)
    limit = os.sysconf("SC_PAGE_SIZE")
    with limited_file_size(limit), pytest.raises(OSError, match="large"):
        writer.append(STDOUT, memoryview(b"x" * limit * 2), at_ns=2)

    writer.append(STDERR, memoryview(b"after"), at_ns=3)

    writer.close()
    assert read_all(tmp_path) == [("stdout", b"before"), ("stderr", b"after")]


@given(chunks, st.binary(max_size=400), st.integers(0, RECORD_BYTES - 1))
def test_recovery_finds_what_was_written_without_a_record(
    written: list[tuple[int, bytes]], unindexed: bytes, torn: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, [*written, (STDOUT, b"x")])
        with (folder / layout.OUTPUT).open("ab") as output:
            output.write(unindexed)
        with (folder / layout.INDEX).open("ab") as index:
            index.write(b"\xff" * torn)

        captured = recover(str(folder))

        rest = [("stdout", unindexed)] if unindexed else []
        assert read_all(folder) == [*as_read(written), ("stdout", b"x"), *rest]
        errors = sum(len(data) for stream, data in written if stream == STDERR)
        total = sum(len(data) for _, data in written) + 1 + len(unindexed)
        assert captured == Captured(total - errors, errors)
        assert recover(str(folder)) == captured


def test_recovery_of_an_attempt_that_said_nothing_finds_nothing(tmp_path: Path) -> None:
    assert recover(str(tmp_path)) == Captured()
    assert list(tmp_path.iterdir()) == []


def test_recovery_makes_the_index_that_was_never_written(tmp_path: Path) -> None:
    (tmp_path / layout.OUTPUT).write_bytes(b"z" * (MAX_CHUNK_BYTES + 5))

    assert recover(str(tmp_path)) == Captured(MAX_CHUNK_BYTES + 5)
    assert [len(data) for _, data in read_all(tmp_path)] == [MAX_CHUNK_BYTES, 5]


@contextlib.contextmanager
def limited_file_size(limit: int) -> Iterator[None]:
    """Let no file of this process grow beyond `limit` bytes for a moment, without a signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_reader_that_is_far_behind_looks_only_at_the_records_that_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [(STDOUT, b"x" * 1000)] * 400)
    looked_at: list[int] = []

    def counted(raw: memoryview, seq: int) -> Record | None:
        looked_at.append(seq)
        return unpack(raw, seq)

    monkeypatch.setattr("cc_executor.journal.reader.unpack", counted)

    assert len(read_all(tmp_path, max_bytes=10_000)) == 400
    assert len(looked_at) < 500  # each once, and one more for each batch of ten


def test_where_the_system_cannot_tell_nothing_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [(STDOUT, b"line\n")])
    with contextlib.closing(FileJournalReader(tmp_path)) as reader:
        monkeypatch.setattr("cc_executor.journal.reader._NOWAIT", None)
        assert reader.read_at_hand(after_seq=-1, max_bytes=100) is None
        monkeypatch.setattr("cc_executor.journal.reader._NOWAIT", 1 << 30)  # no such question
        assert reader.read_at_hand(after_seq=-1, max_bytes=100) is None
        assert len(reader.read(after_seq=-1, max_bytes=100)) == 1
