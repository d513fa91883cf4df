"""Starting the child: its pipes, its marks, its program.

`subprocess` starts a program by vfork, whatever the size of this process, three times as fast as a
fork could. What a forked child would do for itself is arranged before: the control group and the
brand are inherited from this process, which has them for that moment.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import Final, NamedTuple

from cc_executor.journal import layout
from cc_executor.process.marks import branded, variables
from cc_executor.process.order import Order

_UMASK: Final = 0o022


class CannotStart(Exception):
    """The operating system refuses to execute the program; the text says why."""


class Pipes(NamedTuple):
    """The child's standard streams: its ends and ours."""

    stdin_of_child: int
    stdin: int
    stdout: int
    stdout_of_child: int
    stderr: int
    stderr_of_child: int

    @classmethod
    def make(cls) -> Pipes:
        """Make them.

        Raises:
            OSError: There are too many open files.
        """
        return cls(*os.pipe(), *os.pipe(), *os.pipe())

    def close_ends_of_child(self) -> None:
        """Close what only the child should hold."""
        for fd in (self.stdin_of_child, self.stdout_of_child, self.stderr_of_child):
            os.close(fd)

    def close(self) -> None:
        """Close all that is still open of unused pipes."""
        for fd in self:
            os.close(fd)


def start(order: Order, pipes: Pipes, brand: int) -> int:
    """Start the child and return its process id.

    It leads its own session, has nothing open but its three streams, the default action for all
    signals, none of them blocked, and exactly the ordered environment and the marks in it.

    Raises:
        CannotStart: There is no child.
    """
    with contextlib.ExitStack() as stack:
        stdin = _stdin(order, pipes, stack)
        stack.enter_context(branded(brand))
        try:
            process = subprocess.Popen(
                order.argv,
                stdin=stdin,
                stdout=pipes.stdout_of_child,
                stderr=pipes.stderr_of_child,
                cwd=order.cwd,
                env={**order.env, **variables(order.attempt_id, brand)},
                umask=_UMASK,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotStart(f"{error.filename or order.argv[0]}: {error.strerror}") from error
        except ValueError as error:  # a NUL byte inside
            raise CannotStart(f"{order.argv[0]}: {error}") from error
    process.returncode = 0  # `Reaper` waits for it, with everything else
    return process.pid


def _stdin(order: Order, pipes: Pipes, stack: contextlib.ExitStack) -> int:
    if order.keep_stdin_open:
        return pipes.stdin_of_child
    path = os.path.join(order.folder, layout.STDIN) if order.has_stdin else os.devnull
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd
