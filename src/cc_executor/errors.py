"""Every way a request can be refused: one tree.

A refused request raises one of these; a task that ran and failed is data (an `Outcome`).
Facts live in fields, the sentence in `__str__`, what to do about it in `hint`. `code` is stable:
it appears on the wire, in logs and in `--json` output, and never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class CCExecutorError(Exception):
    """Root of the tree: catch it to catch every refusal of this package."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    hint: str = "See `cc-executor doctor` for what this machine can do."


# --- the request itself is wrong: nothing was started -------------------------------------------


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


# --- the named thing is not there ----------------------------------------------------------------


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


# --- the state of things does not allow it ---------------------------------------------------------


class Conflict(CCExecutorError):
    """The state of things does not allow the request; nothing was changed."""

    code = "conflict"
    hint = "Look at the current state with `cc-executor show` and decide again."


class InvalidTransition(Conflict):
    """The thing's state does not allow the move (final states allow none)."""

    code = "state.invalid_transition"

    def __init__(self, state: str, move: str) -> None:
        super().__init__(state, move)
        self.state = state
        self.move = move

    def __str__(self) -> str:
        return f"cannot {self.move} what is {self.state}"


class StaleWrite(Conflict):
    """A write came from an owner whose lease has passed to another, or for an old attempt."""

    code = "store.stale_write"
    hint = "Another engine owns this execution now; follow it with `cc-executor attach`."

    def __init__(self, subject: str, *, held: int, current: int) -> None:
        super().__init__(subject)
        self.subject = subject
        self.held = held
        self.current = current

    def __str__(self) -> str:
        return f"write to {self.subject} with generation {self.held}, current is {self.current}"


class DuplicateExecution(Conflict):
    """An execution with this id exists already."""

    code = "execution.duplicate"
    hint = "Leave the id out to get a new one, or look at the existing one."

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id

    def __str__(self) -> str:
        return f"execution {self.execution_id!r} exists already"


class AgentSessionBusy(Conflict):
    """Another attempt is using this agent session; two at once would fork it silently."""

    code = "agent_session.busy"
    retryable = True
    hint = "Wait for the other task to end, or start without `session_id`."

    def __init__(self, session_id: str, holder: str) -> None:
        super().__init__(session_id, holder)
        self.session_id = session_id
        self.holder = holder

    def __str__(self) -> str:
        return f"agent session {self.session_id} is in use by attempt {self.holder}"


class IdempotencyConflict(Conflict):
    """The idempotency key was used before, for something else.

    Attributes:
        key: The key.
        execution_id: What it stands for.
    """

    code = "idempotency.conflict"
    hint = "Use a new key for a new request; repeat a request with its own key."

    def __init__(self, key: str, execution_id: str) -> None:
        super().__init__(key, execution_id)
        self.key = key
        self.execution_id = execution_id

    def __str__(self) -> str:
        return f"idempotency key {self.key!r} stands for execution {self.execution_id} already"


class SessionTaken(Conflict):
    """The session has been resumed by another connection, which has it now.

    Attributes:
        session_id: Which session.
    """

    code = "session.taken"
    hint = "Open a new session, or resume it again to take it back."

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id

    def __str__(self) -> str:
        return f"session {self.session_id} is used by another connection now"


class ExecutionNotEnded(Conflict):
    """What is asked for exists only once an execution has ended."""

    code = "execution.not_ended"
    hint = "Wait for its end with `cc-executor attach EXECUTION`, or cancel it."

    def __init__(self, execution_id: str, state: str) -> None:
        super().__init__(execution_id, state)
        self.execution_id = execution_id
        self.state = state

    def __str__(self) -> str:
        return f"execution {self.execution_id!r} has not ended, it is {self.state}"


class NothingToContinue(Conflict):
    """Every task of the execution has succeeded, or it is still running."""

    code = "execution.nothing_to_continue"
    hint = "`cc-executor show EXECUTION` tells the state of each task."

    def __init__(self, execution_id: str, state: str) -> None:
        super().__init__(execution_id, state)
        self.execution_id = execution_id
        self.state = state

    def __str__(self) -> str:
        return f"execution {self.execution_id} is {self.state}: nothing is left to continue"


# --- the world does not provide what is needed -----------------------------------------------------


class Unavailable(CCExecutorError):
    """Something this machine must provide is missing or does not answer."""

    code = "unavailable"


class AgentNotInstalled(Unavailable):
    """The agent's executable was not found.

    Attributes:
        agent: The agent's name.
        looked_in: Every place that was tried, in order.
    """

    code = "agent.not_installed"

    def __init__(self, agent: str, looked_in: tuple[str, ...], *, hint: str) -> None:
        super().__init__(agent)
        self.agent = agent
        self.looked_in = looked_in
        self.hint = hint

    def __str__(self) -> str:
        return f"the executable of agent {self.agent!r} was not found"


class ProgramNotInstalled(Unavailable):
    """A helper program that is needed is not installed.

    Attributes:
        program: Its name.
        purpose: What it is needed for, as a phrase.
    """

    code = "program.not_installed"

    def __init__(self, program: str, purpose: str, *, hint: str | None = None) -> None:
        super().__init__(program, purpose)
        self.program = program
        self.purpose = purpose
        self.hint = hint or f"Install {program} and put it on PATH."

    def __str__(self) -> str:
        return f"{self.program} is needed {self.purpose} and is not installed"


class AgentNotLoggedIn(Unavailable):
    """The agent has no credentials that it could use."""

    code = "agent.not_logged_in"

    def __init__(self, agent: str, *, hint: str) -> None:
        super().__init__(agent)
        self.agent = agent
        self.hint = hint

    def __str__(self) -> str:
        return f"agent {self.agent!r} is not logged in"


class MissingExtra(Unavailable):
    """A part of the package that is asked for was not installed with it.

    Attributes:
        extra: Name of the part.
        module: What is missing.
    """

    code = "extra.missing"

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(extra, module)
        self.extra = extra
        self.module = module
        self.hint = f"Install it: pip install 'cc-executor[{extra}]'"

    def __str__(self) -> str:
        return f"the part {self.extra!r} of cc-executor is not installed ({self.module} is missing)"


class StateDirectoryRefused(Unavailable):
    """The state directory belongs to somebody else, is too open, or is from a newer version.

    Attributes:
        path: The directory.
        problem: What is wrong, as a phrase.
    """

    code = "state_directory.refused"
    hint = "Set CC_EXECUTOR_HOME to a directory of your own, or upgrade cc-executor."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"state directory {self.path!r} {self.problem}"


class TokenFileRefused(Unavailable):
    """A file of tokens is missing, open to others, somebody else's, or holds no token.

    Attributes:
        path: The file.
        problem: What is wrong, as a phrase.
    """

    code = "token_file.refused"
    hint = "`cc-executor token rotate` makes a new one."

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"token file {self.path!r} {self.problem}"


class StoreUnavailable(Unavailable):
    """The database cannot be opened, read or written (disk full, damaged, locked for too long)."""

    code = "store.unavailable"
    retryable = True
    hint = "Check free disk space and permissions of CC_EXECUTOR_HOME."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the store is unavailable: {self.problem}"


class SpawnFailed(Unavailable):
    """The spawner or a supervisor could not be started; the agent was not."""

    code = "process.spawn_failed"
    retryable = True
    hint = "Check the limits on processes and open files (`ulimit -a`) and free memory."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"could not start a supervised process: {self.problem}"


class NotResponding(Unavailable):
    """A process of ours did not answer within its bound."""

    code = "process.not_responding"
    retryable = True
    hint = "Try again; if it persists, `cc-executor doctor` shows what is stuck."

    def __init__(self, who: str, waited_s: float) -> None:
        super().__init__(who, waited_s)
        self.who = who
        self.waited_s = waited_s

    def __str__(self) -> str:
        return f"{self.who} did not answer within {self.waited_s:g} s"


class JournalDamaged(Unavailable):
    """An attempt folder holds bytes that contradict their own checksums."""

    code = "journal.damaged"
    hint = "The rest of the output is still readable; look at the disk's health."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"journal {self.path}: {self.problem}"


class PlatformUnsupported(Unavailable):
    """This operating system cannot run supervised tasks."""

    code = "platform.unsupported"
    hint = "On Windows, run cc-executor inside WSL."

    def __init__(self, platform: str) -> None:
        super().__init__(platform)
        self.platform = platform

    def __str__(self) -> str:
        return f"{self.platform} is not supported"


class ResourcesShort(Unavailable):
    """The machine has too little left to take on new work.

    Attributes:
        resource: `disk` or `memory`.
        free_mb: What is left, in MiB.
        needed_mb: The floor, in MiB.
    """

    code = "resources.short"
    retryable = True
    hint = "Free some, wait until running tasks end, or lower the floor in the settings."

    def __init__(self, resource: str, *, free_mb: float, needed_mb: float) -> None:
        super().__init__(resource, free_mb, needed_mb)
        self.resource = resource
        self.free_mb = free_mb
        self.needed_mb = needed_mb

    def __str__(self) -> str:
        return (
            f"only {self.free_mb:.0f} MiB of {self.resource} are free, {self.needed_mb:g} are kept"
        )


class SessionsUnavailable(Unavailable):
    """Where sessions are kept does not answer; running tasks are not affected.

    Attributes:
        problem: What happened, as a phrase, without addresses or passwords.
    """

    code = "sessions.unavailable"
    retryable = True
    hint = "Connect again in a moment; the output of tasks is kept and can be read from any cursor."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"sessions cannot be reached: {self.problem}"


class ServerUnavailable(Unavailable):
    """A server could not be started, or does not answer.

    Attributes:
        address: Where it should be; empty when there is none.
        problem: What happened, as a phrase.
    """

    code = "server.unavailable"
    retryable = True
    hint = "Look with `cc-executor server status`; start it with `cc-executor server start`."

    def __init__(self, address: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.address}: {self.problem}" if self.address else self.problem


class EvidenceElsewhere(Unavailable):
    """Evidence is looked at where it lies: on the machine of the server.

    Attributes:
        execution_id: Whose evidence.
    """

    code = "evidence.elsewhere"
    hint = "Run `cc-executor verify` on the server's machine, or have a bundle exported there."

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id

    def __str__(self) -> str:
        return f"the evidence of {self.execution_id} lies with the server, which does not send it"


class ConnectionLost(Unavailable):
    """The connection to the server ended before the answer came; the request may have been done.

    Attributes:
        problem: How it ended, as a phrase.
    """

    code = "connection.lost"
    retryable = True
    hint = "Send it again with the same idempotency key, or look what the server has."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the connection was lost: {self.problem}"


class ServerNotTrusted(Unavailable):
    """What answers at a server's address cannot show that it is that server.

    Attributes:
        address: Where.
        problem: What is wrong with its certificate, as a phrase.
    """

    code = "server.not_trusted"
    hint = "Name the authority that signed its certificate with --server-ca FILE."

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.address} is not trusted: {self.problem}"


class IncompatibleServer(Unavailable):
    """What answers is no server of cc-executor, or one that this version cannot talk to.

    Attributes:
        address: Where.
        problem: What does not fit, as a phrase.
    """

    code = "server.incompatible"
    hint = "Use the same version of cc-executor on both sides."

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.address}: {self.problem}"


class ServerFailed(Unavailable):
    """The server failed at a request for a reason of its own, which stands in its log."""

    code = "server.failed"
    hint = "Look into the server's log; the request may have been carried out in part."

    def __str__(self) -> str:
        return "the server failed at this request"


class RefusedByServer(Unavailable):
    """A server refused a request with a code that this version does not know.

    Attributes:
        refusal: The server's code, e.g. `task.not_found`; empty when it gave none.
        number: The code of the JSON-RPC error.
        problem: The server's sentence.
        facts: Whatever else it said about it.
    """

    code = "server.refused"
    hint = "Use the same version of cc-executor on both sides."

    def __init__(
        self,
        refusal: str,
        number: int,
        problem: str,
        facts: Mapping[str, Any],
        *,
        hint: str | None = None,
    ) -> None:
        super().__init__(refusal, number, problem)
        self.refusal = refusal
        self.number = number
        self.problem = problem
        self.facts = facts
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return self.problem


class StreamBroken(Unavailable):
    """What came next in a stream does not follow what came before; a piece is missing.

    Attributes:
        attempt_id: Whose output it is.
        expected: Offset that should have come.
        offset: Offset that came.
    """

    code = "stream.broken"
    retryable = True
    hint = "Subscribe again with the last cursor: nothing of the output is lost."

    def __init__(self, attempt_id: str, *, expected: int, offset: int) -> None:
        super().__init__(attempt_id, expected, offset)
        self.attempt_id = attempt_id
        self.expected = expected
        self.offset = offset

    def __str__(self) -> str:
        return (
            f"the output of {self.attempt_id} goes on at byte {self.offset}, not at {self.expected}"
        )


# --- nobody else gets in -----------------------------------------------------------------------------


class AccessDenied(CCExecutorError):
    """The request is not for whoever sent it."""

    code = "access.denied"
    hint = "Ask the owner of the server for a token with the scope it needs."


class NotAuthenticated(AccessDenied):
    """No token, or one that is unknown, expired or revoked."""

    code = "access.not_authenticated"
    hint = "Send `Authorization: Bearer TOKEN`; `cc-executor token` shows and makes tokens."

    def __str__(self) -> str:
        return "a valid token is needed"


class OriginRefused(AccessDenied):
    """The request comes from a web page, or to a host name, that is not allowed.

    Attributes:
        header: `Origin` or `Host`.
        value: What it says.
    """

    code = "access.origin_refused"
    hint = "Name it in CC_EXECUTOR_ALLOWED_ORIGINS or CC_EXECUTOR_ALLOWED_HOSTS of the server."

    def __init__(self, header: str, value: str) -> None:
        super().__init__(header, value)
        self.header = header
        self.value = value

    def __str__(self) -> str:
        return f"{self.header} {self.value!r} is not allowed here"


class NotPermitted(AccessDenied):
    """The token lacks the scope for it.

    Attributes:
        scope: What it would need: `read`, `run`, `control` or `admin`.
    """

    code = "access.not_permitted"

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope

    def __str__(self) -> str:
        return f"the token lacks the scope {self.scope!r}"


# --- a limit was reached ---------------------------------------------------------------------------


class LimitReached(CCExecutorError):
    """A configured limit refuses the request.

    Attributes:
        limit: The setting's name.
        value: Its value.
        asked: What the request would have needed.
    """

    code = "limit.reached"
    hint = "Raise the setting, or ask for less."

    def __init__(self, limit: str, *, value: float, asked: float, unit: str) -> None:
        super().__init__(limit, value, asked)
        self.limit = limit
        self.value = value
        self.asked = asked
        self.unit = unit

    def __str__(self) -> str:
        return f"{self.limit} allows {self.value:g} {self.unit}, {self.asked:g} were asked for"


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


class MessageTooLarge(LimitReached):
    """A request's body is larger than the server takes."""

    code = "limit.message_size"
    hint = "Send less at once, or raise WS_MAX_SIZE of the server."


class TooSlow(LimitReached):
    """A request's body did not come within its time."""

    code = "limit.slow"
    retryable = True
    hint = "Send it without long pauses, or raise CC_EXECUTOR_HANDSHAKE_TIMEOUT_S of the server."


class TooManySessions(LimitReached):
    """Every session that the server allows has a living connection."""

    code = "limit.sessions"
    retryable = True
    hint = "Close a session, or raise MAX_SESSIONS."


class RateLimited(LimitReached):
    """The principal has sent more requests than it may in this minute.

    Attributes:
        retry_after_s: When the next one will be accepted.
    """

    code = "limit.rate"
    retryable = True
    hint = "Wait as long as the answer says and send it again."

    def __init__(self, *, value: float, asked: float, retry_after_s: float) -> None:
        super().__init__("rate_per_minute", value=value, asked=asked, unit="requests a minute")
        self.retry_after_s = retry_after_s
