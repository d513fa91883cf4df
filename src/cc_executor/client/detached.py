"""`python -m cc_executor.client.detached EXECUTION SETTINGS READY_FD`: one execution's own engine.

It adopts the execution, says that it has, runs it to its end and exits. Killed, any later command
or engine takes up what it left.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from cc_executor.model.records import Host
from cc_executor.process.detach import leave_parent, say_ready
from cc_executor.settings import load_settings
from cc_executor.wiring import open_engine


async def run(execution_id: str, flags: dict[str, str], ready_fd: int) -> None:
    """Own the execution until it is final."""
    settings = await asyncio.to_thread(load_settings, environ=os.environ, flags=flags)
    engine, _store = await open_engine(settings, Host.DETACHED)
    try:
        adopted = await engine.adopt(execution_id)
        say_ready(ready_fd)
        if adopted:
            await engine.finished(execution_id)
    finally:
        await engine.aclose()


def main() -> None:
    """Run from the command line."""
    leave_parent()
    execution_id, flags, ready_fd = sys.argv[1:]
    asyncio.run(run(execution_id, json.loads(flags), int(ready_fd)))


if __name__ == "__main__":
    main()
