"""What the kernel accepts as arguments of a program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cc_executor.errors import InvalidSpec

#: Longest single argument, without its final NUL.
#: Source: execve(2), MAX_ARG_STRLEN = 32 pages; E2BIG was measured at 140,000 bytes.
MAX_ARGUMENT_BYTES: Final = 131_071


def checked_argv(argv: Iterable[str], *, where: str) -> tuple[str, ...]:
    """Return `argv` as a tuple, once every part of it can be handed to a program.

    Args:
        argv: The program and its arguments.
        where: The field of the task they come from, for the error.

    Raises:
        InvalidSpec: An argument holds a NUL or half a surrogate pair, or is too long.
    """
    checked = tuple(argv)
    for argument in checked:
        problem = _problem(argument)
        if problem is not None:
            raise InvalidSpec(where, f"argument {_shortened(argument)!r} {problem}")
    return checked


def _problem(argument: str) -> str | None:
    if "\0" in argument:
        return "holds a NUL byte"
    try:
        # As os.fsencode does: file names that are not UTF-8 may be arguments too.
        size_bytes = len(argument.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return "is not valid text"
    if size_bytes > MAX_ARGUMENT_BYTES:
        return f"has {size_bytes} bytes; a program accepts {MAX_ARGUMENT_BYTES} in one argument"
    return None


def _shortened(argument: str) -> str:
    return argument if len(argument) <= 40 else argument[:40] + "..."
