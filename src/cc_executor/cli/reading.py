"""Commands that look something up and are done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cc_executor.cli.executing import Executing
from cc_executor.cli.exits import Exit
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.running import Interrupts, run

Found = TypeVar("Found")


def look_up(
    invocation: Invocation,
    find: Callable[[Executing], Awaitable[Found]],
    show: Callable[[Found], None],
) -> Exit:
    """Open the client, find something, close it, and only then show it.

    What is found is not what somebody who has died thought it was; and whoever reads slowly
    keeps nothing open.

    Raises:
        CCExecutorError: It was refused.
    """
    executor = invocation.executor()

    async def command(_: Interrupts) -> Exit:
        async with executor as opened:
            await opened.settled()
            found = await find(opened)
        show(found)
        return Exit.DONE

    return run(command)
