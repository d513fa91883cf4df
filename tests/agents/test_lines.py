from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from cc_executor.agents.lines import Line, LineAssembler

MIB = 1024 * 1024


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_any_split_gives_the_lines_of_the_whole(chunks: list[bytes]) -> None:
    assembler = LineAssembler(max_line_bytes=1000)

    lines = [line for chunk in chunks for line in assembler.feed(chunk)]
    rest = assembler.flush()

    *ended, tail = b"".join(chunks).split(b"\n")
    assert lines == [Line(content) for content in ended]
    assert rest == (Line(tail) if tail else None)


@given(st.binary(max_size=50), st.integers(1, 30))
def test_what_exceeds_the_bound_is_counted(content: bytes, bound: int) -> None:
    content = content.replace(b"\n", b" ")
    assembler = LineAssembler(max_line_bytes=bound)

    (line,) = assembler.feed(content + b"\n")

    assert line.content == content[:bound]
    assert len(line.content) + line.dropped_bytes == len(content)


def test_a_dropped_rest_does_not_leak_into_the_next_line() -> None:
    assembler = LineAssembler(max_line_bytes=3)

    assert assembler.feed(b"abcdef\nxy\n") == [Line(b"abc", 3), Line(b"xy")]


def test_a_character_split_between_chunks_stays_whole() -> None:
    encoded = "héllo €\n".encode()
    assembler = LineAssembler(max_line_bytes=100)

    lines = [line for byte in encoded for line in assembler.feed(bytes([byte]))]

    assert [line.content.decode() for line in lines] == ["héllo €"]


def test_flushing_empties_it() -> None:
    assembler = LineAssembler(max_line_bytes=100)
    assembler.feed(b"rest")

    assert assembler.flush() == Line(b"rest")
    assert assembler.flush() is None


def test_a_line_of_256_mib_costs_little_more_than_what_is_kept_of_it() -> None:
    assembler = LineAssembler(max_line_bytes=MIB)
    chunk = b"x" * (64 * 1024)
    tracemalloc.start()
    try:
        for _ in range(256 * MIB // len(chunk)):
            assembler.feed(chunk)
        (line,) = assembler.feed(b"\n")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(line.content) + line.dropped_bytes == 256 * MIB
    assert peak_bytes < 4 * MIB
