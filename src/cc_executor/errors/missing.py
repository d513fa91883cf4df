"""The named thing is not there."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


class NotFound(CCExecutorError):
    """What the request names does not exist."""

    code = "not_found"
    hint = "List what there is with `cc-executor ps --all`."


class ExecutionNotFound(NotFound):
    """No execution has this id (or unique prefix of one)."""

    code = "execution.not_found"

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id

    def __str__(self) -> str:
        return f"no execution {self.execution_id!r}"


class TaskNotFound(NotFound):
    """No task has this id or name."""

    code = "task.not_found"
    hint = "`cc-executor show EXECUTION` lists the tasks of an execution."

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id

    def __str__(self) -> str:
        return f"no task {self.task_id!r}"


class NoSuchPath(NotFound):
    """The server answers nothing at this path, or not with this method."""

    code = "path.not_found"
    hint = "/openapi.json lists what there is; WebSockets are at /ws/mcp."

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path)
        self.method = method
        self.path = path

    def __str__(self) -> str:
        return f"there is no {self.method} {self.path}"


class SessionNotFound(NotFound):
    """No session has this resume token, or it has ended."""

    code = "session.not_found"
    hint = "Open a new session and subscribe with your own cursors: nothing of the output is lost."

    def __str__(self) -> str:
        return "no session has this resume token"


class TokenNotFound(NotFound):
    """No token has this id."""

    code = "token.not_found"
    hint = "`cc-executor token list` shows the ids of all tokens."

    def __init__(self, token_id: str) -> None:
        super().__init__(token_id)
        self.token_id = token_id

    def __str__(self) -> str:
        return f"no token has the id {self.token_id!r}"


class ArtefactNotFound(NotFound):
    """The file is none that a task has written, or cannot be read any more.

    Attributes:
        path: As it was asked for.
        problem: Why not, as a phrase.
    """

    code = "artefact.not_found"
    hint = "List what there is at /executions/ID/files."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"file {self.path[:200]!r}: {self.problem}"


class StreamNotFound(NotFound):
    """The connection follows no stream of this name."""

    code = "stream.not_found"
    hint = "`stream.subscribe` returns the name; it means something on its own connection only."

    def __init__(self, subscription: str) -> None:
        super().__init__(subscription)
        self.subscription = subscription

    def __str__(self) -> str:
        return f"there is no stream {self.subscription[:100]!r}"


class AmbiguousId(NotFound):
    """A shortened id fits several executions."""

    code = "id.ambiguous"
    hint = "Give more characters of the id."

    def __init__(self, prefix: str, matches: tuple[str, ...]) -> None:
        super().__init__(prefix)
        self.prefix = prefix
        self.matches = matches

    def __str__(self) -> str:
        return f"{self.prefix!r} fits several executions, among them {', '.join(self.matches)}"
