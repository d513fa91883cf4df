"""Pause, resume, cancel: ask for it, wait until it is so, say what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cc_executor.cli.executing import Executing
from cc_executor.cli.exits import Exit
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.render.data import write_json, write_text
from cc_executor.cli.running import Interrupts, run
from cc_executor.errors import InvalidTransition
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.results import ExecutionResult


def control(
    invocation: Invocation,
    of: str,
    wish: Callable[[Executing], Awaitable[ExecutionResult]],
    *,
    wanted: TaskState,
    as_json: bool,
) -> Exit:
    """Wish something of an execution or task, and print the state that it has then.

    Args:
        invocation: The call.
        of: What it is wished of, as the user named it.
        wish: Asks for it, and returns when it has come true or the thing has ended.
        wanted: The state that the wish is for.
        as_json: Print the whole object.

    Raises:
        InvalidTransition: It had ended before, or ended first.
        CCExecutorError: It was refused otherwise.
    """
    executor = invocation.executor()

    async def command(_interrupts: Interrupts) -> Exit:
        async with executor as opened:
            _, task = await opened.find_task(of)
            result = await wish(opened)
        task_id = task.id if task is not None else None
        states = [one.state for one in result.tasks if task_id in (None, one.task_id)]
        if wanted not in states and all(is_final(state) for state in states):
            raise InvalidTransition(states[0] if task_id else result.state, _VERBS[wanted])
        if as_json:
            write_json(result.to_json())
        else:
            state = states[0] if task_id else result.state
            write_text(f"{task_id or result.id} {state}\n")
        return Exit.DONE

    return run(command)


_VERBS = {
    TaskState.PAUSED: "pause",
    TaskState.RUNNING: "resume",
    TaskState.CANCELLED: "cancel",
}
