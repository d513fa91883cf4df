"""The request itself is wrong: nothing was started."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


class InvalidRequest(CCExecutorError):
    """The request cannot be carried out as it is written; the same request fails again."""

    code = "request.invalid"
    hint = "Correct the request and send it again; nothing was started."


class InvalidSpec(InvalidRequest):
    """A task or task list has a field that is missing, unknown or out of range.

    Attributes:
        where: Path of the field, e.g. `tasks[2].timeout`; empty for the whole.
        problem: What is wrong, as a phrase.
    """

    code = "spec.invalid"

    def __init__(self, where: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" if self.where else self.problem


class InvalidTaskFile(InvalidRequest):
    """A task file was refused before anything ran.

    Attributes:
        path: The file, as the user named it.
        line: 1-based line, None when the file could not be read at all.
        column: 1-based column, None when only the line is known.
        problem: What is wrong, as a phrase.
    """

    code = "task_file.invalid"

    def __init__(
        self,
        path: str,
        problem: str,
        *,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(path, problem)
        self.path = path
        self.line = line
        self.column = column
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part)
        return f"{place}: {self.problem}"


class InvalidPrompt(InvalidRequest):
    """The prompt is empty, too large, or holds characters that no agent can receive.

    Attributes:
        problem: What is wrong, as a phrase.
        where: Path of the field, e.g. `tasks[2].prompt`; empty when there is only one prompt.
    """

    code = "prompt.invalid"
    hint = "Give a prompt with at least one visible character, without NUL bytes."

    def __init__(self, problem: str, *, where: str = "", hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" if self.where else self.problem


class UnknownAgent(InvalidRequest):
    """No agent has this name."""

    code = "agent.unknown"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known
        self.hint = f"Known agents: {', '.join(known)}."

    def __str__(self) -> str:
        return f"unknown agent {self.name!r}"


class CommandNotAllowed(InvalidRequest):
    """The executable is not on the allow-list `ALLOWED_COMMANDS`."""

    code = "command.not_allowed"
    hint = "Add the executable's resolved path to ALLOWED_COMMANDS, or use an allowed one."

    def __init__(self, executable: str) -> None:
        super().__init__(executable)
        self.executable = executable

    def __str__(self) -> str:
        return f"{self.executable!r} is not an allowed command"


class InvalidWorkspace(InvalidRequest):
    """The workspace is missing, not a directory, or cannot be written.

    Attributes:
        path: The workspace as given.
        problem: `does not exist`, `is not a directory`, or `is not writable`.
    """

    code = "workspace.invalid"
    hint = "Create the directory, or name another one with --workspace."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"workspace {self.path!r} {self.problem}"


class BundleRefused(InvalidRequest):
    """A bundle of evidence cannot be read as one, or cannot be written there.

    Attributes:
        path: As given.
        problem: What is wrong, as a phrase.
    """

    code = "bundle.refused"
    hint = "A bundle is what `cc-executor history export --bundle EXECUTION` writes, to a new path."

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"bundle {self.path!r} {self.problem}"


class InvalidCursor(InvalidRequest):
    """What should say where a reader was does not.

    Attributes:
        where: Which field, option or file.
        problem: What is wrong, as a phrase.
    """

    code = "cursor.invalid"
    hint = 'A cursor is {"seq":12,"chunks":{"ATTEMPT":40}}, as --cursor-file and streams give it.'

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class MalformedMessage(InvalidRequest):
    """A message is not JSON as strict readers understand it, or is beyond what is read.

    Attributes:
        problem: What is wrong, as a phrase.
    """

    code = "message.malformed"
    hint = "Send UTF-8 JSON: no name twice in an object, no NaN, no half characters."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the message {self.problem}"


class NotARequest(InvalidRequest):
    """A message is JSON, but no request of JSON-RPC 2.0.

    Attributes:
        problem: What is wrong, as a phrase.
    """

    code = "message.not_a_request"
    hint = 'Send {"jsonrpc": "2.0", "id": 1, "method": "status", "params": {}}.'

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"not a request: {self.problem}"


class UnknownMethod(InvalidRequest):
    """The server has no method of this name.

    Attributes:
        method: The name.
    """

    code = "method.unknown"
    hint = "docs/reference/wire.md lists the methods; names are case-sensitive."

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method

    def __str__(self) -> str:
        return f"there is no method {self.method!r}"


class InvalidParams(InvalidRequest):
    """A parameter of a method is missing, unknown, of the wrong type or out of range.

    Attributes:
        where: Path of the parameter, e.g. `after.seq`; empty for all of them.
        problem: What is wrong, as a phrase.
    """

    code = "params.invalid"
    hint = "docs/reference/wire.md lists the parameters of each method."

    def __init__(self, where: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" if self.where else self.problem


class InvalidSetting(InvalidRequest):
    """A setting has an unknown name or a value out of its range.

    Attributes:
        name: The setting's name as the user wrote it.
        problem: What is wrong, as a phrase.
        origin: Where it was set: `flag`, `environment`, or a file with its line.
    """

    code = "setting.invalid"
    hint = "`cc-executor settings` lists every setting with its value, unit and origin."

    def __init__(self, name: str, problem: str, *, origin: str, hint: str | None = None) -> None:
        super().__init__(name, problem)
        self.name = name
        self.problem = problem
        self.origin = origin
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"setting {self.name} ({self.origin}): {self.problem}"


class InvalidToken(InvalidRequest):
    """A token cannot be made as it was asked for.

    Attributes:
        field: Which part.
        problem: What is wrong, as a phrase.
    """

    code = "token.invalid"
    hint = "`cc-executor token create --help` shows what can be said."

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"token {self.field}: {self.problem}"


class RangeNotSatisfiable(InvalidRequest):
    """No byte of the file lies in the range that was asked for.

    Attributes:
        size: Of the file, in bytes.
    """

    code = "range.not_satisfiable"
    hint = "Ask for a range within the file, or for the whole."

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"the file has {self.size} bytes, none of them in the range"
