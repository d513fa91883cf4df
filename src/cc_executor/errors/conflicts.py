"""The state of things does not allow it."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


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
