"""Steps that print: text, bytes, and the lines that break naive readers."""

from __future__ import annotations

import binascii
import time
from collections.abc import Iterator
from typing import Final

from .stage import STREAMS, Stage, write_all

_PRINTABLE: Final = bytes(range(0x21, 0x7F))
_BLOCK: Final = _PRINTABLE * 697  # just under 64 KiB, a whole number of patterns
_ALL_BYTES: Final = bytes(range(256)) * 256
_BATCH_BYTES: Final = 1 << 16


def line(stage: Stage, text: str, *, stream: str = "stdout") -> None:
    """Write `text` and a newline in one system call."""
    write_all(STREAMS[stream], encode(text) + b"\n")


def write(
    stage: Stage, text: str = "", *, base64: str = "", repeat: int = 1, stream: str = "stdout"
) -> None:
    """Write `text`, then the bytes that `base64` stands for; all of it `repeat` times."""
    data = encode(text) + binascii.a2b_base64(base64)
    for _ in range(repeat):
        write_all(STREAMS[stream], data)


def big_line(stage: Stage, length_bytes: int, *, stream: str = "stdout") -> None:
    """Write one line of `length_bytes` printable bytes plus its newline, in 64 KiB of memory."""
    for chunk in pattern(length_bytes):
        write_all(STREAMS[stream], chunk)
    write_all(STREAMS[stream], b"\n")


def lines(
    stage: Stage,
    count: int,
    *,
    width_bytes: int = 80,
    one_write_each: bool = False,
    stream: str = "stdout",
) -> None:
    """Write `count` numbered lines of exactly `width_bytes`, newline included, from 0 on.

    They leave in batches of about 64 KiB, as fast as the reader takes them, or, with
    `one_write_each`, in one system call per line.
    """
    per_write = 1 if one_write_each else max(1, _BATCH_BYTES // width_bytes)
    for first in range(0, count, per_write):
        batch = range(first, min(first + per_write, count))
        write_all(STREAMS[stream], b"".join(numbered_line(number, width_bytes) for number in batch))


def split(
    stage: Stage, text: str, *, chunk_bytes: int = 1, pause_ms: float = 1.0, stream: str = "stdout"
) -> None:
    """Write `text` in chunks of `chunk_bytes`: multi-byte characters arrive in halves.

    The pause between two writes is what keeps a quick reader from getting them as one.
    """
    data = encode(text)
    for start in range(0, len(data), chunk_bytes):
        write_all(STREAMS[stream], data[start : start + chunk_bytes])
        time.sleep(pause_ms / 1000)


def binary(stage: Stage, length_bytes: int, *, stream: str = "stdout") -> None:
    """Write `length_bytes` bytes that run through all 256 values, NUL and newline included."""
    whole, rest = divmod(length_bytes, len(_ALL_BYTES))
    for _ in range(whole):
        write_all(STREAMS[stream], _ALL_BYTES)
    write_all(STREAMS[stream], _ALL_BYTES[:rest])


def canary(stage: Stage, name: str) -> None:
    """Write the token of `name` on stdout and on stderr: wherever it turns up, it was leaked."""
    for stream in ("stdout", "stderr"):
        line(stage, canary_token(name), stream=stream)


def canary_token(name: str) -> str:
    """Return the string that a canary called `name` prints; nothing else prints it."""
    return f"canary-{name}-{encode(name)[::-1].hex()}-yranac"


def pattern(length_bytes: int) -> Iterator[bytes]:
    """Yield the content of a `big_line` in blocks; byte `i` depends on nothing but `i`."""
    whole, rest = divmod(length_bytes, len(_BLOCK))
    for _ in range(whole):
        yield _BLOCK
    yield _BLOCK[:rest]


def numbered_line(number: int, width_bytes: int) -> bytes:
    """Return line `number` of a `lines` step."""
    return b"%0*d\n" % (width_bytes - 1, number)


def encode(text: str) -> bytes:
    """Encode as UTF-8; lone surrogates stand for the raw bytes they were made from."""
    return text.encode("utf-8", "surrogateescape")
