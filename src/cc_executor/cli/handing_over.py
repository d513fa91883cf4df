"""Handing an execution to an engine that outlives this process."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from cc_executor.cli.executing import Executing
from cc_executor.cli.exits import Exit
from cc_executor.cli.here import Submit
from cc_executor.cli.render.data import write_json, write_text
from cc_executor.cli.running import Interrupts, run


def hand_over(
    executor: AbstractAsyncContextManager[Executing], submit: Submit, *, as_json: bool
) -> Exit:
    """Submit, and print which execution it is.

    Args:
        executor: The client, not yet entered.
        submit: Submits what is to be run, detached.
        as_json: Print the whole object.

    Raises:
        CCExecutorError: It was refused.
    """

    async def command(_: Interrupts) -> Exit:
        async with executor as opened:
            accepted = await submit(opened)
        if as_json:
            write_json(accepted.to_json())
        else:
            write_text(f"{accepted.id}\n")
        return Exit.DONE

    return run(command)
