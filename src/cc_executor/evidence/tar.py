"""Where the files of a plain tar lie in it. Nothing is extracted.

Only what a bundle needs is read: regular files with short names. Links, devices, long names, sparse
files, extended headers and compression are named and never followed: there is nothing here that a
hostile archive could unpack.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

_BLOCK: Final = 512
_NAME: Final = slice(0, 100)
_SIZE: Final = slice(124, 136)
_SUM: Final = slice(148, 156)
_KIND: Final = 156
_MAGIC: Final = slice(257, 262)
_REGULAR: Final = b"0\0"
_KINDS: Final = {"1": "a hard link", "2": "a link", "5": "a folder", "6": "a FIFO"}
MAX_MEMBERS: Final = 1_000_000


class Member(NamedTuple):
    """One file of a tar.

    Attributes:
        name: As it stands there.
        start: Position of its first byte.
        problem: Why it cannot be read; None for a regular file that lies wholly in the tar.
    """

    name: str
    start: int
    size_bytes: int
    problem: str | None = None


class TarFault(Exception):
    """What follows cannot be read as a tar.

    Attributes:
        problem: Where, and why.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def members(descriptor: int, size_bytes: int) -> Iterator[Member]:
    """Yield the files of a tar in order, at most `MAX_MEMBERS`.

    Raises:
        TarFault: It ends, or goes on, as no tar does.
    """
    at = 0
    for _ in range(MAX_MEMBERS):
        header = os.pread(descriptor, _BLOCK, at)
        if len(header) < _BLOCK:
            raise TarFault("it is cut off")
        if not any(header):
            _check_rest(descriptor, at, size_bytes)
            return
        member = _member(header, at + _BLOCK, size_bytes)
        yield member
        at = member.start + -(-member.size_bytes // _BLOCK) * _BLOCK
    raise TarFault(f"it has more than {MAX_MEMBERS:,} files")


def _member(header: bytes, start: int, whole_bytes: int) -> Member:
    where = f"at byte {start - _BLOCK:,}"
    if header[_MAGIC] != b"ustar" or _number(header[_SUM]) != _checksum(header):
        raise TarFault(f"{where} stands no header of a file")
    size = _number(header[_SIZE])
    if size is None:
        raise TarFault(f"{where} stands no size")
    name = header[_NAME].rstrip(b"\0").decode("utf-8", "backslashreplace")
    kind = header[_KIND : _KIND + 1]
    problem = None
    if kind not in (_REGULAR[:1], _REGULAR[1:]):
        problem = f"it is {_KINDS.get(kind.decode('latin-1'), 'no regular file')}"
        size = size if kind not in (b"1", b"2", b"5", b"6") else 0
    elif start + size > whole_bytes:
        problem = "it is cut off"
    return Member(name, start, size, problem)


def _number(field: bytes) -> int | None:
    """Return an octal number, or GNU's binary one for what is larger."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not digits or not set(digits) <= set(b"01234567"):
        return None
    return int(digits, 8)


def _checksum(header: bytes) -> int:
    return sum(header) - sum(header[_SUM]) + 8 * ord(" ")


def _check_rest(descriptor: int, at: int, size_bytes: int) -> None:
    rest = size_bytes - at
    if rest > 64 * 1024 or any(os.pread(descriptor, rest, at)):
        raise TarFault(f"something follows its end, at byte {at:,}")
