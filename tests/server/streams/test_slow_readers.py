"""A reader that does not read costs a file offset: not memory, not the others, not the task."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.server.serving import ServerProcess
from tests.server.streams.wire import Bytes, Wire

_MIB = 1024 * 1024
#: The whole gigabyte is for `make chaos`.
_TOTAL = 1024 * _MIB if "CC_EXECUTOR_CHAOS_ROUNDS" in os.environ else 48 * _MIB
_READERS = 100
_MOST_GROWTH = 64 * _MIB

_LINE = b"%(number)d the quick brown fox jumps over the lazy dog\n"
_WRITER = f"""
import os, sys
block = b"".join(b"%079d\\n" % number for number in range({_MIB} // 80))
total = {_TOTAL}
written = 0
while written < total:
    written += os.write(1, block[:total - written] if total - written < len(block) else block)
"""


def _expected() -> str:
    block = b"".join(b"%079d\n" % number for number in range(_MIB // 80))
    digest = hashlib.sha256()
    written = 0
    while written < _TOTAL:
        piece = block[: _TOTAL - written]
        digest.update(piece)
        written += len(piece)
    return digest.hexdigest()


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_hundred_readers_that_never_read_cost_nobody_anything(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with ServerProcess(
        tmp_path / "home", max_sessions=200, output_limit_mb=2 * _TOTAL // _MIB
    ) as server:
        async with AsyncExitStack() as stack:
            owner = await stack.enter_async_context(Wire(server))
            lazy = [
                await stack.enter_async_context(
                    Wire(server, max_queue=1, ping_interval=None, close_timeout=0.1)
                )
                for _ in range(_READERS)
            ]
            before = server.resident_bytes()
            execution = await owner.submit(workspace, sys.executable, "-c", _WRITER)
            for one in lazy:  # they ask, and then never read again
                await one.send("stream.subscribe", execution_id=execution)

            await owner.call("stream.subscribe", execution_id=execution, agent_events=False)
            output = Bytes()
            most = 0
            while (notice := await owner.notice())["method"] != "stream.ended":
                output.take(notice)
                most = max(most, server.resident_bytes())

            assert output.length == _TOTAL
            assert output.sha256 == await asyncio.to_thread(_expected)
            assert most - before < _MOST_GROWTH
            for one in lazy:
                one.socket.transport.abort()
