"""The taxonomy of failures: one table, from slug to what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from cc_executor.model.lifecycle import TaskState


class Failure(StrEnum):
    """Why a task did not succeed. The values are stable: `--json`, wire and history carry them."""

    NOT_LOGGED_IN = "not_logged_in"
    AUTHENTICATION = "authentication_failed"
    BILLING = "billing"
    USAGE_LIMIT = "usage_limit"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    API_ERROR = "api_error"
    CONTEXT_OVERFLOW = "context_overflow"
    INVALID_MODEL = "invalid_model"
    MAX_TURNS = "max_turns"
    BUDGET = "budget"
    PERMISSION_DENIED = "permission_denied"
    SCHEMA_VIOLATION = "schema_violation"
    CLAIM_REFUTED = "claim_refuted"
    EXPECTATION_FAILED = "expectation_failed"
    CHECK_FAILED = "check_failed"
    VALIDATION_FAILED = "validation_failed"
    AGENT_SESSION = "agent_session"
    BAD_INVOCATION = "bad_invocation"
    AGENT_ERROR = "agent_error"
    INTERRUPTED = "interrupted"
    NO_RESULT = "no_result"
    EXIT_STATUS = "exit_status"
    CRASHED = "crashed"
    START_FAILED = "start_failed"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    LOST = "lost"
    RESOURCE_EXCEEDED = "resource_exceeded"
    UPSTREAM = "upstream_failed"


class FailureFacts(NamedTuple):
    """What follows from a failure.

    Attributes:
        retry_can_help: Whether the same task may succeed when it is run again unchanged.
        state: The state of a task that ends this way.
        meaning: One sentence for people.
        advice: What to do about it.
    """

    retry_can_help: bool
    state: TaskState
    meaning: str
    advice: str


_FAILED = TaskState.FAILED

FAILURES: Final[Mapping[Failure, FailureFacts]] = {
    Failure.NOT_LOGGED_IN: FailureFacts(
        False, _FAILED, "The agent has no login.", "Log in with the agent's own CLI, then retry."
    ),
    Failure.AUTHENTICATION: FailureFacts(
        False, _FAILED, "The model API refused the credentials.", "Check the key or log in again."
    ),
    Failure.BILLING: FailureFacts(
        False, _FAILED, "The account has no credit left.", "Add credit, or use another account."
    ),
    Failure.USAGE_LIMIT: FailureFacts(
        True, _FAILED, "The account's usage window is used up.", "Wait until the window resets."
    ),
    Failure.RATE_LIMITED: FailureFacts(
        True, _FAILED, "The model API answered 429 too often.", "Retry later or run fewer at once."
    ),
    Failure.OVERLOADED: FailureFacts(True, _FAILED, "The model API is overloaded.", "Retry later."),
    Failure.API_ERROR: FailureFacts(
        True, _FAILED, "The model API failed or was unreachable.", "Retry; check the network."
    ),
    Failure.CONTEXT_OVERFLOW: FailureFacts(
        False,
        _FAILED,
        "The prompt does not fit the model.",
        "Shorten the prompt or split the task.",
    ),
    Failure.INVALID_MODEL: FailureFacts(
        False, _FAILED, "The model does not exist or is not available.", "Choose another model."
    ),
    Failure.MAX_TURNS: FailureFacts(
        False, _FAILED, "The agent used all its turns.", "Raise max_turns or split the task."
    ),
    Failure.BUDGET: FailureFacts(
        False, _FAILED, "The agent used its whole budget.", "Raise the budget or split the task."
    ),
    Failure.PERMISSION_DENIED: FailureFacts(
        False,
        _FAILED,
        "The agent was refused a tool that it wanted to use.",
        "Allow the tool (allowed_tools) or choose another permission_mode.",
    ),
    Failure.SCHEMA_VIOLATION: FailureFacts(
        True, _FAILED, "The answer does not fit the JSON schema.", "Simplify the schema or retry."
    ),
    Failure.CLAIM_REFUTED: FailureFacts(
        True,
        _FAILED,
        "The agent names files that it did not write, or that are not there.",
        "Look at the findings (`cc-executor show`); run it again, or let it repair (`repairs`).",
    ),
    Failure.EXPECTATION_FAILED: FailureFacts(
        True,
        _FAILED,
        "The workspace is not as the task expects it.",
        "Look at the findings (`cc-executor show`); run it again, or let it repair (`repairs`).",
    ),
    Failure.CHECK_FAILED: FailureFacts(
        True,
        _FAILED,
        "A check did not pass.",
        "Look at its output (`cc-executor show`); run it again, or let it repair (`repairs`).",
    ),
    Failure.VALIDATION_FAILED: FailureFacts(
        True,
        _FAILED,
        "The judge did not find the work good, or gave no judgement.",
        "Read the judge's reason (`cc-executor show`); make the prompt clearer, or repair.",
    ),
    Failure.AGENT_SESSION: FailureFacts(
        False, _FAILED, "The agent session cannot be used.", "Start without session_id."
    ),
    Failure.BAD_INVOCATION: FailureFacts(
        False, _FAILED, "The agent refused its arguments.", "See its stderr: `cc-executor logs`."
    ),
    Failure.AGENT_ERROR: FailureFacts(
        True, _FAILED, "The agent reported an error.", "See its output: `cc-executor logs`."
    ),
    Failure.INTERRUPTED: FailureFacts(
        True, _FAILED, "The agent was interrupted from outside.", "Run it again."
    ),
    Failure.NO_RESULT: FailureFacts(
        True, _FAILED, "The agent ended without a result.", "See its output: `cc-executor logs`."
    ),
    Failure.EXIT_STATUS: FailureFacts(
        False, _FAILED, "The program ended with a non-zero status.", "See `cc-executor logs`."
    ),
    Failure.CRASHED: FailureFacts(
        True, _FAILED, "The program was ended by a signal that is not ours.", "See its stderr."
    ),
    Failure.START_FAILED: FailureFacts(
        False, _FAILED, "The program could not be started.", "Check the executable and workspace."
    ),
    Failure.REFUSED: FailureFacts(
        False, _FAILED, "The task could not be prepared.", "Correct the task list."
    ),
    Failure.TIMED_OUT: FailureFacts(
        False, TaskState.TIMED_OUT, "A timer expired.", "Raise the timeout or split the task."
    ),
    Failure.CANCELLED: FailureFacts(
        False, TaskState.CANCELLED, "Somebody cancelled it.", "Run it again if it is wanted."
    ),
    Failure.ABANDONED: FailureFacts(
        True,
        _FAILED,
        "Its engine went away and did not come back; the agent was stopped.",
        "Run `cc-executor continue EXECUTION`.",
    ),
    Failure.LOST: FailureFacts(
        True,  # only where the user asked for retries: the agent may have had side effects
        TaskState.LOST,
        "Its supervisor was killed; how far the agent came is unknown.",
        "Look at the workspace, then run `cc-executor continue EXECUTION`.",
    ),
    Failure.RESOURCE_EXCEEDED: FailureFacts(
        False, _FAILED, "A resource limit was reached.", "Raise the limit or ask for less."
    ),
    Failure.UPSTREAM: FailureFacts(
        False, TaskState.SKIPPED, "A task that it needs did not succeed.", "Mend that one first."
    ),
}
