"""Output as text or as it is: the same bytes, with everything else as it always was."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Served
from tests.server.streams.wire import Bytes, Wire

#: More than fits in one message, with everything that is hard to say as text.
_OUTPUT = ('é€😀\x00\x1b[0m"\\\n'.encode() + b"\xff\xfe line\n") * 20_000
_WRITER = """
import os
rest = memoryview(("é€😀\\x00\\x1b[0m\\"\\\\\\n".encode() + b"\\xff\\xfe line\\n") * 20_000)
while rest:
    rest = rest[os.write(1, rest[:50_001]):]
"""


async def _read(wire: Wire, execution: str, **params: Any) -> tuple[Bytes, list[dict[str, Any]]]:
    """Return the output put together, and the notifications of it."""
    await wire.call("stream.subscribe", execution_id=execution, agent_events=False, **params)
    output, told = Bytes(), []
    while (notice := await wire.notice())["method"] != "stream.ended":
        output.take(notice)
        if notice["method"] == "process.output":
            told.append(notice["params"])
    return output, told


@pytest.mark.parametrize("deflate", [False, True])
async def test_whoever_asks_for_it_gets_output_as_it_is(tmp_path: Path, *, deflate: bool) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    options = {"compression": "deflate"} if deflate else {}
    with Served(tmp_path / "home", ws_deflate=deflate) as server:
        async with Wire(server, **options) as wire:
            assert "binary" in wire.hello["capabilities"]
            execution = await wire.submit(workspace, sys.executable, "-c", _WRITER)
            live, told_live = await _read(wire, execution, encoding="binary")
            again, told_again = await _read(wire, execution, encoding="binary")
            as_text, told_as_text = await _read(wire, execution)

    expected = hashlib.sha256(_OUTPUT).hexdigest()
    assert [one.sha256 for one in (live, again, as_text)] == [expected] * 3
    assert all("bytes" in one and "data" not in one for one in told_live + told_again)
    assert not any("bytes" in one for one in told_as_text)
    assert told_again[-1]["seq"] == told_as_text[-1]["seq"]
