"""Run one program or prompt as a task of its own; the caller's stream of it begins at once.

While another task of the session is running it waits for that one, unless `concurrent` is set.
"""

from __future__ import annotations

import shlex
from typing import Any, Final, Literal

import msgspec

from cc_executor.errors import InvalidParams
from cc_executor.model.principals import Scope

NAME: Final = "execute"
SCOPE: Final = Scope.RUN

#: Splitting takes a loop in Python: a longer command comes as a list.
MAX_COMMAND_CHARS: Final = 65_536


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of `command` and `prompt`.

    Attributes:
        command: A list of arguments, or a string that is split by a shell's rules of quoting into
            one. No shell ever reads it.
        prompt: What an agent is asked.
        agent: Which agent; default `claude`.
        timeout: Seconds, or `auto`.
        cwd: Directory to work in; relative to the server's workspace.
        env: More environment variables for the child.
        idempotency_key: The same key and request give the same execution, however often sent.
        concurrent: Do not wait for the session's other tasks.
    """

    command: tuple[str, ...] | str | None = None
    prompt: str | None = None
    agent: str | None = None
    timeout: float | Literal["auto"] | None = None
    cwd: str | None = None
    env: dict[str, str] | None = None
    idempotency_key: str | None = None
    concurrent: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What has begun.

    Attributes:
        status: `started`; `queued` while it waits.
        subscription: Stands in each notification of its stream, which begins after this answer.
        pid: null while there is no process; `process.started` brings it.
        pgid: Its process group.
    """

    status: Literal["started", "queued"]
    execution_id: str
    task_id: str
    subscription: str
    pid: int | None
    pgid: int | None


def task_list_value(params: Params) -> dict[str, Any]:
    """Return the task list, as in a task file, that the parameters ask for.

    Raises:
        InvalidParams: Both or neither of `command` and `prompt`, or one that cannot be split.
    """
    if (params.command is None) == (params.prompt is None):
        raise InvalidParams("", "either `command` or `prompt` is needed")
    task: dict[str, Any] = {
        "command": argv(params.command),
        "prompt": params.prompt,
        "agent": params.agent,
        "timeout": params.timeout,
        "env": params.env,
    }
    value: dict[str, Any] = {"tasks": [{k: v for k, v in task.items() if v is not None}]}
    return value if params.cwd is None else {**value, "workspace": params.cwd}


def argv(command: tuple[str, ...] | str | None) -> list[str] | None:
    """Return the words of a command.

    Raises:
        InvalidParams: A string that is too long to split, or whose quotes do not end.
    """
    if not isinstance(command, str):
        return None if command is None else list(command)
    if len(command) > MAX_COMMAND_CHARS:
        problem = f"has {len(command):,} characters; as a string it can have {MAX_COMMAND_CHARS:,}"
        raise InvalidParams("command", problem, hint="Give a list of arguments.")
    try:
        return shlex.split(command)
    except ValueError as error:
        said = str(error)
        raise InvalidParams("command", said[:1].lower() + said[1:]) from None
