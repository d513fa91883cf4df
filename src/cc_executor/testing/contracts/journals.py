"""What `ports.journal.Journals` and `JournalReader` promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Final, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_executor.errors import JournalDamaged
from cc_executor.model.events import Stream
from cc_executor.ports.journal import Chunk, JournalReader, Journals

_AT: Final = 1_700_000_000.25
_ALL: Final = 1 << 30

_Written = list[tuple[Stream, bytes]]
_streams: st.SearchStrategy[Stream] = st.sampled_from(("stdout", "stderr"))
_written = st.lists(st.tuples(_streams, st.binary(min_size=1, max_size=300)), max_size=20)
_something = _written.filter(bool)
# Each example has an attempt of its own: what they share is only where attempts are. And a suite
# is there to be run by more than one class.
_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)


class JournalBench(Protocol):
    """Journals, and the other side of them: whoever captures output."""

    @property
    def journals(self) -> Journals:
        """What is to be tested."""
        ...

    def append(self, attempt_id: str, stream: Stream, data: bytes, *, at: float) -> None:
        """Record the next bytes of an attempt, at least one."""
        ...

    def damage(self, attempt_id: str, offset: int) -> None:
        """Change the byte of an attempt's output at this offset behind the journal's back."""
        ...


class JournalsContract:
    """Subclass it and give it a fixture `bench`: a `JournalBench` without any attempt."""

    @pytest.fixture
    def ids(self) -> Iterator[str]:
        return (f"execution.{task}.1" for task in count(1))

    def test_an_attempt_without_output_has_no_reader(self, bench: JournalBench) -> None:
        assert bench.journals.open("execution.1.1") is None
        assert bench.journals.length("execution.1.1") == 0

    def test_each_attempt_has_a_folder_of_its_own(self, bench: JournalBench) -> None:
        ids = [f"{one}.{task}.{attempt}" for one in "ab" for task in (1, 2) for attempt in (1, 2)]

        folders = [bench.journals.folder(one) for one in ids]

        assert len(set(folders)) == len(ids)
        assert all(folder.is_absolute() for folder in folders)
        assert [bench.journals.folder(one) for one in ids] == folders
        bench.append(ids[0], "stdout", b"x", at=_AT)
        assert bench.journals.folder(ids[0]) == folders[0]

    @_shared
    @given(written=_something, max_bytes=st.integers(1, 1000))
    def test_what_was_captured_is_read_in_order_however_small_the_bites(
        self, bench: JournalBench, ids: Iterator[str], written: _Written, max_bytes: int
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)

        with _reading(bench, attempt_id) as reader:
            chunks = _rest(reader, max_bytes=max_bytes)

        assert [(chunk.stream, chunk.data) for chunk in chunks] == written
        assert [chunk.seq for chunk in chunks] == list(range(len(written)))
        ends = [0, *(chunk.offset + len(chunk.data) for chunk in chunks)]
        assert [chunk.offset for chunk in chunks] == ends[:-1]
        assert [chunk.at for chunk in chunks] == [
            pytest.approx(_AT + number, abs=1e-6) for number in range(len(written))
        ]

    @_shared
    @given(written=_something, max_bytes=st.integers(1, 1000))
    def test_a_bite_is_one_record_or_no_larger_than_was_asked_for(
        self, bench: JournalBench, ids: Iterator[str], written: _Written, max_bytes: int
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)

        with _reading(bench, attempt_id) as reader:
            seq = -1
            while chunks := reader.read(after_seq=seq, max_bytes=max_bytes):
                assert len(chunks) == 1 or sum(len(one.data) for one in chunks) <= max_bytes
                seq = chunks[-1].seq

        assert seq == len(written) - 1

    @_shared
    @given(written=_something, data=st.data())
    def test_a_reader_resumes_from_any_record(
        self, bench: JournalBench, ids: Iterator[str], written: _Written, data: st.DataObject
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)
        after = data.draw(st.integers(-1, len(written)))

        with _reading(bench, attempt_id) as reader:
            chunks = _rest(reader, after_seq=after)

        assert [(chunk.stream, chunk.data) for chunk in chunks] == written[after + 1 :]

    @_shared
    @given(written=_something, max_bytes=st.integers(1, 1000), data=st.data())
    def test_what_is_at_hand_is_what_would_be_read_or_nothing_is_said(
        self,
        bench: JournalBench,
        ids: Iterator[str],
        written: _Written,
        max_bytes: int,
        data: st.DataObject,
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)
        after = data.draw(st.integers(-1, len(written)))

        with _reading(bench, attempt_id) as reader:
            at_hand = reader.read_at_hand(after_seq=after, max_bytes=max_bytes)
            assert at_hand in (None, reader.read(after_seq=after, max_bytes=max_bytes))

    @_shared
    @given(written=_something, tail_bytes=st.integers(0, 2000))
    def test_the_tail_is_the_fewest_last_records_that_hold_so_many_bytes(
        self, bench: JournalBench, ids: Iterator[str], written: _Written, tail_bytes: int
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)

        with _reading(bench, attempt_id) as reader:
            before = reader.seq_before_last(tail_bytes)

        lengths = [len(data) for _, data in written]
        assert sum(lengths[before + 1 :]) >= tail_bytes or before == -1
        assert sum(lengths[before + 2 :]) < max(tail_bytes, 1)

    @_shared
    @given(written=_something)
    def test_the_length_is_the_number_of_records(
        self, bench: JournalBench, ids: Iterator[str], written: _Written
    ) -> None:
        attempt_id = next(ids)
        for number, (stream, data) in enumerate(written):
            assert bench.journals.length(attempt_id) == number
            bench.append(attempt_id, stream, data, at=_AT)
        assert bench.journals.length(attempt_id) == len(written)

    @_shared
    @given(written=_something, data=st.data())
    def test_bytes_that_were_changed_are_never_passed_on(
        self, bench: JournalBench, ids: Iterator[str], written: _Written, data: st.DataObject
    ) -> None:
        attempt_id = _capture(bench, next(ids), written)
        total = sum(len(one) for _, one in written)
        bench.damage(attempt_id, data.draw(st.integers(0, total - 1)))

        with _reading(bench, attempt_id) as reader, pytest.raises(JournalDamaged):
            _rest(reader)

    def test_bytes_before_the_damage_can_still_be_read(self, bench: JournalBench) -> None:
        attempt_id = _capture(bench, "execution.1.1", [("stdout", b"good"), ("stdout", b"bad")])
        bench.damage(attempt_id, 5)

        with _reading(bench, attempt_id) as reader:
            assert [one.data for one in reader.read(after_seq=-1, max_bytes=4)] == [b"good"]
            with pytest.raises(JournalDamaged):
                reader.read(after_seq=0, max_bytes=4)

    def test_a_reader_sees_what_is_captured_after_it_was_opened(self, bench: JournalBench) -> None:
        attempt_id = _capture(bench, "execution.1.1", [("stdout", b"one")])
        with _reading(bench, attempt_id) as reader:
            assert len(reader.read(after_seq=-1, max_bytes=_ALL)) == 1
            assert tuple(reader.read(after_seq=0, max_bytes=_ALL)) == ()

            bench.append(attempt_id, "stderr", b"two", at=_AT + 0.5)

            (chunk,) = reader.read(after_seq=0, max_bytes=_ALL)
            assert (chunk.seq, chunk.offset, chunk.stream, chunk.data) == (1, 3, "stderr", b"two")
            assert chunk.at == pytest.approx(_AT + 0.5, abs=1e-6)
            assert tuple(reader.read(after_seq=1, max_bytes=_ALL)) == ()

    def test_readers_do_not_disturb_each_other(self, bench: JournalBench) -> None:
        written: _Written = [("stdout", b"%d" % number) for number in range(10)]
        attempt_id = _capture(bench, "execution.1.1", written)
        with _reading(bench, attempt_id) as slow, _reading(bench, attempt_id) as quick:
            (first,) = slow.read(after_seq=-1, max_bytes=1)
            assert len(_rest(quick)) == 10
            assert [one.data for one in _rest(slow, after_seq=first.seq, max_bytes=1)] == [
                b"%d" % number for number in range(1, 10)
            ]
        with _reading(bench, attempt_id) as late:
            assert len(_rest(late)) == 10

    def test_attempts_are_told_apart(self, bench: JournalBench) -> None:
        ids = ("execution.1.1", "execution.1.2", "execution.2.1", "other.1.1")
        for attempt_id in ids:
            _capture(bench, attempt_id, [("stdout", attempt_id.encode())])
        for attempt_id in ids:
            with _reading(bench, attempt_id) as reader:
                assert [one.data for one in _rest(reader)] == [attempt_id.encode()]

    def test_a_long_record_is_read_whole(self, bench: JournalBench) -> None:
        long = bytes(range(256)) * 1024
        attempt_id = _capture(bench, "execution.1.1", [("stdout", long), ("stdout", b"y")])

        with _reading(bench, attempt_id) as reader:
            (chunk,) = reader.read(after_seq=-1, max_bytes=1)

        assert chunk.data == long


def _capture(bench: JournalBench, attempt_id: str, written: _Written) -> str:
    for number, (stream, data) in enumerate(written):
        bench.append(attempt_id, stream, data, at=_AT + number)
    return attempt_id


@contextmanager
def _reading(bench: JournalBench, attempt_id: str) -> Iterator[JournalReader]:
    reader = bench.journals.open(attempt_id)
    assert reader is not None
    with closing(reader):
        yield reader


def _rest(reader: JournalReader, *, after_seq: int = -1, max_bytes: int = _ALL) -> list[Chunk]:
    chunks: list[Chunk] = []
    while batch := reader.read(after_seq=after_seq, max_bytes=max_bytes):
        chunks += batch
        after_seq = batch[-1].seq
    return chunks
