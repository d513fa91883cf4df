"""The state directory: whether it can be used, and what is in it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cc_executor.cli.checkup.findings import Finding, Level
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.opening import open_here
from cc_executor.cli.render.wording import counted
from cc_executor.errors import CCExecutorError
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.settings import Settings

SUBJECT: Final = "state"
_LITTLE_SPACE_BYTES: Final = 1 << 30


def look_at_state(invocation: Invocation, settings: Settings) -> Iterator[Finding]:
    """Yield what was found. Blocking: opens the state directory, as every command does."""
    try:
        unfinished = asyncio.run(_unfinished(invocation, settings))
    except CCExecutorError as refusal:
        yield Finding(SUBJECT, "directory", Level.BROKEN, str(refusal), refusal.hint)
        return
    yield Finding(SUBJECT, "directory", Level.OK, str(settings.home))
    yield Finding(SUBJECT, "executions", Level.OK, f"{counted(unfinished, 'execution')} unfinished")
    yield _space(settings.home)


async def _unfinished(invocation: Invocation, settings: Settings) -> int:
    states = [state for state in TaskState if not is_final(state)]
    # A server that is named is elsewhere; this is about the machine we are on.
    opening = invocation.executor() if settings.server is None else open_here(settings)
    async with opening as executor:
        return len(await executor.list(states=states, limit=1000))


def _space(home: Path) -> Finding:
    free_bytes = shutil.disk_usage(home).free
    found = f"{free_bytes / (1 << 30):.1f} GiB free"
    if free_bytes >= _LITTLE_SPACE_BYTES:
        return Finding(SUBJECT, "disk", Level.OK, found)
    return Finding(
        SUBJECT, "disk", Level.GAP, found, "Make room, or set CC_EXECUTOR_HOME to another disk."
    )
