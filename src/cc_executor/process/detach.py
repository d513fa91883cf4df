"""Starting an engine, or a server, in a process of its own, which nobody waits for."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cc_executor.errors import SpawnFailed

_READY_TIMEOUT_S: Final = 30.0
_LONGEST_ANSWER_BYTES: Final = 64 * 1024


class DetachedEngines:
    """Implements `ports.engines.Engines` with `python -m MODULE EXECUTION FLAGS READY_FD`.

    Args:
        module: What such an engine runs.
        flags: Settings that it is to have, as JSON.
        log: File that its stderr is appended to.
    """

    def __init__(self, module: str, flags: str, *, log: Path) -> None:
        self._module = module
        self._flags = flags
        self._log = log

    async def start(self, execution_id: str) -> int:
        """Have the execution adopted by an engine of its own; return that one's process id.

        Raises:
            SpawnFailed: It could not be started.
        """
        return await start_detached(self._module, (execution_id, self._flags), log=self._log)


async def start_detached(module: str, arguments: Sequence[str], *, log: Path) -> int:
    """Start `python -m MODULE ARGUMENTS... READY_FD` in its own session; return when it is ready.

    The module calls `leave_parent` first and `say_ready` when it has taken over. Its environment
    is the caller's: agents inherit from it what the allowlist lets through.

    Args:
        module: Module to run.
        arguments: Its arguments.
        log: File that its stderr is appended to.

    Returns:
        Its process id.

    Raises:
        SpawnFailed: It could not be started, or ended before it was ready. What it was to run is
            recorded and is taken up by the next engine.
    """
    return int(await answer_of_detached(module, arguments, log=log, what="detached engine"))


async def answer_of_detached(
    module: str, arguments: Sequence[str], *, log: Path, what: str, stdin: bytes = b""
) -> bytes:
    """Start `python -m MODULE ARGUMENTS... READY_FD`; return the line that it answers with.

    Args:
        module: Module to run; it calls `leave_parent` first and `answer` once.
        arguments: Its arguments; everybody on the machine can see them.
        log: File that its stderr is appended to.
        what: What it is, for errors.
        stdin: What it can read there, and nobody else can see.

    Raises:
        SpawnFailed: It could not be started, or ended without an answer, or gave none in time.
    """
    readable, writable = os.pipe()
    reader = asyncio.StreamReader(limit=_LONGEST_ANSWER_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(readable, "rb", buffering=0)
    )
    try:
        try:
            await _start(module, arguments, writable, log, stdin)
        except OSError as error:
            raise SpawnFailed(f"{what}: {error}") from error
        finally:
            os.close(writable)
        return await _answer(reader, what, log)
    finally:
        transport.close()


def leave_parent() -> None:
    """Go on as a process that is nobody's child, so that nobody has to reap it.

    (asyncio kills a child whose transport is collected; this one must outlive its caller.)
    """
    if os.fork():
        os._exit(0)


def say_ready(ready_fd: int) -> None:
    """Tell whoever started this process that it has taken over, if they are still there."""
    answer(ready_fd, b"%d" % os.getpid())


def answer(ready_fd: int, line: bytes) -> None:
    """Answer whoever started this process, if they are still there."""
    try:
        os.write(ready_fd, line + b"\n")
    except BrokenPipeError:
        return
    finally:
        os.close(ready_fd)


async def _start(
    module: str, arguments: Sequence[str], ready_fd: int, log: Path, stdin: bytes
) -> None:
    # A file without a name: it needs no writer that would have to wait for its reader.
    with log.open("ab") as stderr, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            str(ready_fd),
            stdin=given if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            pass_fds=(ready_fd,),
            start_new_session=True,
        )
    await process.wait()  # the one that leaves at once


async def _answer(reader: asyncio.StreamReader, what: str, log: Path) -> bytes:
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S):
            line = await reader.readline()
    except TimeoutError:
        raise SpawnFailed(f"{what} was not ready in {_READY_TIMEOUT_S:g} s") from None
    if not line:
        raise SpawnFailed(f"{what} ended before it was ready; see {log}")
    return line
