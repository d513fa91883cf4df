"""Watching what another process may be running; to stop watching changes nothing about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cc_executor.cli.cursors import Place
from cc_executor.cli.exits import Exit
from cc_executor.cli.following import follow_other
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.running import Interrupts, run

if TYPE_CHECKING:
    from cc_executor.cli.render.view import View
    from cc_executor.model.records import TaskRecord
    from cc_executor.model.results import ExecutionResult

Choose = Callable[["ExecutionResult", "TaskRecord | None"], "View"]


def watch(
    invocation: Invocation,
    of: str,
    choose: Choose,
    place: Place,
    *,
    until_end: bool = True,
    at_end: Callable[[ExecutionResult], Exit] | None = None,
) -> Exit:
    """Show an execution, or one task of it, from a place on.

    Args:
        invocation: The call.
        of: The execution or task, as the user named it.
        choose: Returns the view, given the execution and the task if one was named.
        place: Where the reader is; it moves.
        until_end: Wait for what is to come.
        at_end: Prints what came of it, and says how to exit; None: exit with 0.

    Raises:
        CCExecutorError: It was refused.
        BrokenPipeError: Nobody reads what is shown.
    """
    executor = invocation.executor()

    async def command(_: Interrupts) -> Exit:
        async with executor as opened:
            execution_id, task = await opened.find_task(of)
            execution = await opened.get(execution_id)
            seen = await follow_other(
                opened,
                execution,
                choose(execution, task),
                after=place.cursor,
                until_end=until_end,
                on_shown=place.shown,
            )
        place.finish()
        return Exit.DONE if at_end is None else at_end(seen)

    return run(command)
