"""Short helper programs (`git`, `claude --version`): bounded in time and output, never a shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cc_executor.errors import NotResponding, SpawnFailed

MAX_OUTPUT_BYTES: Final = 1 << 20
_READ_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a helper program ended.

    Attributes:
        exit_code: Its exit status; the negative number of the signal that ended it.
        stdout: The beginning of what it wrote, up to the bound.
        stderr: The same.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


async def run_subprocess_async(
    cmd: Sequence[str],
    timeout_s: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: str | None = None,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
) -> Ran:
    """Run a program to its end. Cancelled, it kills the program first.

    What the program leaves behind in the background is not waited for.

    Args:
        cmd: The program and its arguments.
        timeout_s: Then it is killed, with its process group.
        env: Its whole environment. None: this process's own.
        cwd: Where it runs. None: here.
        stdin: Path of the file that it reads. None: it has nothing to read.
        max_output_bytes: Kept of each stream; the rest is read and thrown away.

    Raises:
        SpawnFailed: It cannot be executed.
        NotResponding: It did not end in time.
    """
    with contextlib.ExitStack() as pipes:
        stdout = _Sink(max_output_bytes, pipes)
        stderr = _Sink(max_output_bytes, pipes)
        try:
            given = os.open(stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            pipes.callback(os.close, given)
            # Pipes of our own: with asyncio's, `wait` would wait for whoever else holds them.
            process = await asyncio.create_subprocess_exec(
                *cmd,
                env=env,
                cwd=cwd,
                stdin=given,
                stdout=stdout.writable,
                stderr=stderr.writable,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise SpawnFailed(f"{cmd[0]}: {error}") from error
        stdout.open()
        stderr.open()
        try:
            async with asyncio.timeout(timeout_s):
                exit_code = await process.wait()
        except TimeoutError:
            raise NotResponding(cmd[0], timeout_s) from None
        finally:
            await _end(process)
        return Ran(exit_code=exit_code, stdout=stdout.rest(), stderr=stderr.rest())


def run_subprocess(
    cmd: Sequence[str],
    timeout_s: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: str | None = None,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
) -> Ran:
    """Do the same where there is no event loop. Blocking.

    Raises:
        SpawnFailed: It cannot be executed.
        NotResponding: It did not end in time.
    """
    return asyncio.run(
        run_subprocess_async(
            cmd, timeout_s, env=env, cwd=cwd, stdin=stdin, max_output_bytes=max_output_bytes
        )
    )


class _Sink:
    """One stream of a program: the beginning of what comes out of it."""

    def __init__(self, max_bytes: int, closing: contextlib.ExitStack) -> None:
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._readable, self.writable = os.pipe()
        self._writable_is_open = True
        os.set_blocking(self._readable, False)
        closing.callback(self._close)

    def open(self) -> None:
        """Read from now on, when the program has its end."""
        os.close(self.writable)
        self._writable_is_open = False
        asyncio.get_running_loop().add_reader(self._readable, self._read)

    def rest(self) -> bytes:
        """Take what is still in the pipe, and return all that was kept."""
        while self._read() and len(self._kept) < self._max_bytes:
            pass
        return bytes(self._kept)

    def _read(self) -> bool:
        try:
            data = os.read(self._readable, _READ_BYTES)
        except BlockingIOError:
            return False
        self._kept += data[: self._max_bytes - len(self._kept)]
        if not data:
            asyncio.get_running_loop().remove_reader(self._readable)
        return bool(data)

    def _close(self) -> None:
        if self._writable_is_open:
            os.close(self.writable)
        asyncio.get_running_loop().remove_reader(self._readable)
        os.close(self._readable)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a program that has not ended, with its group, and reap it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
