"""From what the command line says to what is to be foreseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cc_executor.cli.executing import Executing
from cc_executor.cli.request import Asked, submission
from cc_executor.errors import ExecutionNotFound
from cc_executor.model.ids import EXECUTION_ID_PATTERN
from cc_executor.model.outlooks import Outlook


def foresee(asked: Asked) -> Callable[[Executing], Awaitable[Outlook]]:
    """Return what asks a client for it. Blocking (files, stdin).

    Raises:
        click.UsageError, InvalidPrompt, InvalidTaskFile: As `submission` says.
    """
    wanted = submission(asked)
    of = _maybe_an_execution(asked)

    async def ask(executor: Executing) -> Outlook:
        if of is not None:
            try:
                return await executor.forecast_left(of)
            except ExecutionNotFound:
                pass  # a prompt of one word, then
        tasks: dict[str, Any] = wanted.tasks
        return await executor.forecast(
            tasks, workspace=wanted.workspace, sequential=wanted.sequential
        )

    return ask


def _maybe_an_execution(asked: Asked) -> str | None:
    """Return the only word that was given, if an execution could be called so."""
    if asked.is_command or asked.file is not None or len(asked.words) != 1:
        return None
    [word] = asked.words
    return word if EXECUTION_ID_PATTERN.fullmatch(word) else None
