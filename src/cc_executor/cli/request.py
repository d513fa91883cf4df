"""From what the command line says to what is submitted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import click

from cc_executor.errors import InvalidPrompt, InvalidTaskFile

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.results import ExecutionResult


class Asked(NamedTuple):
    """The options of `options.task_options`, as they were given; None or empty when not."""

    words: tuple[str, ...]
    file: Path | None
    is_command: bool
    workspace: str | None
    agent: str | None
    model: str | None
    kind: str | None
    timeout: float | str | None
    permission_mode: str | None
    allowed_tools: tuple[str, ...]
    disallowed_tools: tuple[str, ...]
    max_turns: int | None
    retries: int | None
    schema: Path | None
    expected: tuple[str, ...]
    checks: tuple[tuple[str, ...], ...]
    validation_prompt: str | None
    repairs: int | None
    isolation: str | None
    budget: tuple[str, ...]
    continue_on_failure: bool
    parallel: bool
    execution_id: str | None


class Submission(NamedTuple):
    """What a client is given to run."""

    tasks: dict[str, Any]
    workspace: str | None
    execution_id: str | None
    sequential: bool
    stop_on_failure: bool | None

    async def to(self, executor: Executing, *, detached: bool = False) -> ExecutionResult:
        """Submit it.

        Raises:
            CCExecutorError: It was refused; nothing was started.
        """
        return await executor.submit(
            self.tasks,
            workspace=self.workspace,
            execution_id=self.execution_id,
            sequential=self.sequential,
            stop_on_failure=self.stop_on_failure,
            detached=detached,
        )


def submission(asked: Asked) -> Submission:
    """Return what is to be submitted. Blocking (files, stdin).

    Raises:
        click.UsageError: The words do not say one thing to do.
        InvalidPrompt, InvalidTaskFile: What was read is none.
    """
    return Submission(
        tasks=task_list(asked),
        workspace=asked.workspace,
        execution_id=asked.execution_id,
        sequential=not asked.parallel,
        stop_on_failure=False if asked.continue_on_failure else None,
    )


def task_list(asked: Asked) -> dict[str, Any]:
    """Return the task list, as a task file would hold it; errors as in `submission`."""
    if asked.file is None:
        value: dict[str, Any] = {"tasks": [_only_task(asked)]}
    elif asked.words or asked.is_command:
        raise click.UsageError("Give a prompt, a program or a task file, only one of them.")
    else:
        value = _from_file(asked.file)
    given = _given_fields(asked)
    if "agent" in given:
        value.pop("agent", None)
    if asked.workspace is not None:
        value.pop("workspace", None)
    defaults: dict[str, Any] = value.get("defaults", {})
    if asked.budget:
        value["budget"] = {**(value.get("budget") or {}), **_budget(asked.budget)}
    return {**value, "defaults": {**defaults, **given}}


def _budget(parts: tuple[str, ...]) -> dict[str, object]:
    """Return what `usd=2` and `unknown_cost=block` say; whether it makes sense the list's check says."""
    budget: dict[str, object] = {}
    for part in parts:
        kind, is_pair, amount = part.partition("=")
        if not is_pair:
            raise click.UsageError(f"--budget {part}: write KIND=AMOUNT, such as usd=2.50.")
        try:
            number = float(amount)
        except ValueError:
            budget[kind] = amount
        else:
            budget[kind] = int(number) if number.is_integer() else number
    return budget


def _from_file(path: Path) -> dict[str, Any]:
    from cc_executor.client.taskfiles import load_task_file

    return load_task_file(path)


def _only_task(asked: Asked) -> dict[str, Any]:
    if asked.is_command:
        if not asked.words:
            raise click.UsageError("--command needs a program: --command -- PROGRAM [ARGUMENT]...")
        return {"command": list(asked.words)}
    if len(asked.words) > 1:
        raise click.UsageError(
            f"One prompt was expected, {len(asked.words)} words were given: put it in quotes,"
            " or use --command to run a program."
        )
    if asked.words and asked.words[0] != "-":
        return {"prompt": asked.words[0]}
    if not asked.words and sys.stdin.isatty():
        raise click.UsageError("Give a prompt, `-` to read it from stdin, or -f FILE.")
    return {"prompt": read_prompt(sys.stdin.buffer)}


def read_prompt(stream: BinaryIO) -> str:
    """Return the prompt that stands in the stream, at most as long as a prompt may be.

    Raises:
        InvalidPrompt: It is longer, or is not UTF-8.
    """
    from cc_executor.model.specs import MAX_PROMPT_BYTES

    content = stream.read(MAX_PROMPT_BYTES + 1)
    if len(content) > MAX_PROMPT_BYTES:
        raise InvalidPrompt(
            f"the prompt on stdin is longer than {MAX_PROMPT_BYTES} bytes",
            hint="Put what is long in a file of the workspace, and name the file in the prompt.",
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidPrompt(
            f"the prompt on stdin is not UTF-8 (byte {error.start})",
            hint="Convert it to UTF-8.",
        ) from None


def _given_fields(asked: Asked) -> dict[str, Any]:
    """Return the fields of a task that options have set."""
    names = (
        "agent",
        "model",
        "kind",
        "timeout",
        "permission_mode",
        "allowed_tools",
        "disallowed_tools",
        "max_turns",
        "retries",
        "checks",
        "validation_prompt",
        "repairs",
        "isolation",
    )
    fields = {name: getattr(asked, name) for name in names}
    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if asked.schema is not None:
        given["json_schema"] = _schema(asked.schema)
    if asked.expected:
        given["expects"] = {"files": asked.expected}
    return given


def _schema(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidTaskFile(str(path), error.strerror or "cannot be read") from error
    except json.JSONDecodeError as error:
        raise InvalidTaskFile(str(path), error.msg, line=error.lineno, column=error.colno) from None
    except UnicodeDecodeError as error:
        raise InvalidTaskFile(str(path), f"is not UTF-8 (byte {error.start})") from None
