"""Bytes on stdout and stderr."""

from __future__ import annotations

import os

from cc_executor.errors import Unavailable


class OutputRefused(Unavailable):
    """What is to be printed cannot be written where it was redirected to."""

    code = "output.refused"
    hint = "Check the free space and the permissions of what the output is redirected to."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the output cannot be written: {self.problem}"


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however slowly it is read. Blocking.

    Not through `sys.stdout`: a thread that waits here for ever holds no lock of the interpreter.

    Raises:
        BrokenPipeError: Nobody reads it any more.
        OutputRefused: It cannot be written.
    """
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputRefused(error.strerror or str(error)) from error
