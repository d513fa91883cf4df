"""Running an execution in this process, from its submission to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from cc_executor.cli.executing import Executing
from cc_executor.cli.exits import Exit, of_execution
from cc_executor.cli.following import follow_own
from cc_executor.cli.presentation import Presentation
from cc_executor.cli.running import Interrupts, run
from cc_executor.errors import CCExecutorError
from cc_executor.model.results import ExecutionResult

Submit = Callable[[Executing], Awaitable[ExecutionResult]]


def run_here(
    executor: AbstractAsyncContextManager[Executing], submit: Submit, presentation: Presentation
) -> Exit:
    """Submit, show, and print what came of it.

    Args:
        executor: The client, not yet entered.
        submit: Submits what is to be run, and returns it as accepted.
        presentation: How it is shown.

    Raises:
        CCExecutorError: It was refused, or could not be run to its end.
        BrokenPipeError: Nobody reads stdout any more; what ran has been cancelled.
    """

    async def command(interrupts: Interrupts) -> Exit:
        itself = asyncio.current_task()
        assert itself is not None

        def later(count: int) -> None:
            # What is being submitted cannot be cancelled before its id is known; a server would
            # run it without us. A second interrupt does not wait for that.
            if count > 1:
                itself.cancel()

        async with executor as opened:
            with interrupts.handled_by(later):
                accepted = await submit(opened)
                view = presentation.view(accepted)
                try:
                    ended = await follow_own(opened, accepted, view, interrupts)
                except BrokenPipeError:
                    # An engine in this process would end it when it closes; a server would go on.
                    with contextlib.suppress(CCExecutorError):
                        await opened.cancel(accepted.id)
                    raise
        presentation.conclude(ended)
        return of_execution(ended)

    return run(command)
