"""From a task to the argv of `claude`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from cc_executor.agents.argv import checked_argv
from cc_executor.agents.base import Surroundings
from cc_executor.agents.claude import schema
from cc_executor.agents.claude.environment import child_environment
from cc_executor.errors import InvalidPrompt, InvalidSpec
from cc_executor.model.launch import Launch, StopRung
from cc_executor.model.specs import TaskSpec

#: A task is asked to change files, so edits in its workspace need no question that nobody is there
#: to answer; everything beyond (other commands, other places, the network) is refused unless
#: `allowed_tools` or another mode says otherwise, and a refusal fails the task.
DEFAULT_PERMISSION_MODE: Final = "acceptEdits"

#: On SIGTERM the CLI kills the process trees of its tools, which takes it about 2 s. SIGINT would
#: make it exit 0 with a result; SIGKILL would leave its tools to the sweep.
#: Source: measured, 2.1.330.
LADDER: Final = (
    StopRung(action="terminate", grace_s=5.0),
    StopRung(action="kill", grace_s=5.0),
)

#: What the dialect itself sets, or what would break the way it reads; with what to use instead.
_OURS: Final = {
    "-p": "it is always set",
    "--print": "it is always set",
    "--verbose": "it is always set",
    "--output-format": "it is always stream-json",
    "--input-format": "it is always text",
    "--session-id": "set session_id to resume a session",
    "--resume": "set session_id",
    "-r": "set session_id",
    "--continue": "set session_id",
    "-c": "set session_id",
    "--from-pr": "set session_id",
    "--teleport": "it cannot be supervised",
    "--cloud": "it cannot be supervised",
    "--bg": "it cannot be supervised",
    "--background": "it cannot be supervised",
    "--json-schema": "set json_schema",
    "--": "the prompt comes from stdin",
}


def session_of(spec: TaskSpec, surroundings: Surroundings) -> str:
    """Return the id of the session that the attempt will write to.

    Raises:
        InvalidSpec: The task resumes something that is not a session id. The CLI would also take
            a title, which no lease could protect.
    """
    if spec.session_id is None:
        return surroundings.new_session_id
    try:
        return str(uuid.UUID(spec.session_id))
    except ValueError:
        raise InvalidSpec(
            "session_id", f"{spec.session_id!r} is not a UUID, as Claude Code's session ids are"
        ) from None


def launch(spec: TaskSpec, surroundings: Surroundings) -> Launch:
    """Return the child process that carries out the task.

    Raises:
        InvalidPrompt: The prompt cannot be encoded.
        InvalidSpec: An argument is ours to set, or cannot be passed to a program.
    """
    return Launch(
        attempt_id=surroundings.attempt_id,
        argv=checked_argv(_argv(spec, surroundings), where="task"),
        env=child_environment(surroundings.env, scratch=surroundings.scratch),
        cwd=surroundings.cwd,
        stdin=_encoded(spec.prompt or ""),
        judged=True,
        timers=surroundings.timers,
        ladder=LADDER,
    )


def _argv(spec: TaskSpec, surroundings: Surroundings) -> Iterator[str]:
    """Yield the command line; `--name=value` throughout.

    A value that begins with a dash stays a value that way, and options that take several values
    (`--allowedTools`) take no more than theirs. The prompt goes through stdin: as an argument it
    would be limited to 128 KiB and visible to everybody in `ps`.
    """
    yield from (surroundings.executable, "-p", "--output-format=stream-json", "--verbose")
    session_id = session_of(spec, surroundings)
    yield f"--session-id={session_id}" if spec.session_id is None else f"--resume={session_id}"
    yield f"--permission-mode={spec.permission_mode or DEFAULT_PERMISSION_MODE}"
    if spec.model is not None:
        yield f"--model={spec.model}"
    for tool in spec.allowed_tools:
        yield f"--allowedTools={tool}"
    for tool in spec.disallowed_tools:
        yield f"--disallowedTools={tool}"
    if spec.max_turns is not None:
        yield f"--max-turns={spec.max_turns}"
    if schema.is_native(spec.json_schema):
        yield f"--json-schema={schema.encoded(spec.json_schema)}"
    system_prompt = _system_prompt(spec)
    if system_prompt:
        yield f"--append-system-prompt={system_prompt}"
        if spec.session_id is not None:
            # Else the session's recorded prompt is sent again and this text is not.
            # Source: measured, 2.1.331.
            yield "--system-prompt-snapshot=off"
    yield from _checked_extra(spec.agent_args)


def _system_prompt(spec: TaskSpec) -> str:
    asked = spec.append_system_prompt
    wanted = None
    if spec.json_schema is not None and not schema.is_native(spec.json_schema):
        wanted = schema.instruction(spec.json_schema)
    return "\n\n".join(part for part in (asked, wanted) if part)


def _checked_extra(arguments: tuple[str, ...]) -> tuple[str, ...]:
    for argument in arguments:
        option = argument.partition("=")[0]
        if option in _OURS:
            raise InvalidSpec("agent_args", f"{option} cannot be given: {_OURS[option]}")
    return arguments


def _encoded(prompt: str) -> bytes:
    try:
        return prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidPrompt(f"character {error.start + 1} is half of a surrogate pair") from None
