"""The truth table: what a run of Claude Code came to. Pure.

`subtype: success` and exit status 0 prove nothing: an API failure is a "success" with `is_error`,
a refused tool and an ignored schema exit with 0, and an interrupt does, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from cc_executor.agents.claude.messages import Raw, cost_since_last_result
from cc_executor.agents.endings import imposed
from cc_executor.model.events import LimitNotice
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Claimed, Conclusion, Denial, EndedBy, Executed, Usage


@dataclass
class Heard:
    """What a reader keeps for the end."""

    wants_structured: bool
    resumed: bool = False
    results: list[Raw] = field(default_factory=list)
    denials: list[Denial] = field(default_factory=list)
    error: str | None = None
    session_id: str | None = None
    model: str | None = None
    last_text: str | None = None
    limit: LimitNotice | None = None
    stderr: bytes = b""
    plain: bytes = b""

    def hear_error(self, message: Raw) -> None:
        """Keep the error kind of an assistant message, if it has one."""
        error = message.get("error")
        if isinstance(error, str):
            self.error = error


#: `terminal_reason` of a result, where it alone tells.
_BY_REASON: Final[Mapping[str, Failure]] = {
    "max_turns": Failure.MAX_TURNS,
    "budget_exhausted": Failure.BUDGET,
    "prompt_too_long": Failure.CONTEXT_OVERFLOW,
    "structured_output_retry_exhausted": Failure.SCHEMA_VIOLATION,
    "aborted_streaming": Failure.INTERRUPTED,
    "aborted_tools": Failure.INTERRUPTED,
    "blocking_limit": Failure.USAGE_LIMIT,
}
_BY_SUBTYPE: Final[Mapping[str, Failure]] = {
    "error_max_turns": Failure.MAX_TURNS,
    "error_max_budget_usd": Failure.BUDGET,
    "error_max_structured_output_retries": Failure.SCHEMA_VIOLATION,
}
#: `error` of an assistant message.
_BY_ERROR: Final[Mapping[str, Failure]] = {
    "authentication_failed": Failure.AUTHENTICATION,
    "oauth_org_not_allowed": Failure.AUTHENTICATION,
    "account_on_hold": Failure.AUTHENTICATION,
    "verification_required": Failure.AUTHENTICATION,
    "billing_error": Failure.USAGE_LIMIT,
    "model_not_found": Failure.INVALID_MODEL,
    "cloud_credential_error": Failure.AUTHENTICATION,
}
_BY_STATUS: Final[Mapping[int, Failure]] = {
    401: Failure.AUTHENTICATION,
    403: Failure.AUTHENTICATION,
    404: Failure.INVALID_MODEL,
    413: Failure.CONTEXT_OVERFLOW,
    429: Failure.RATE_LIMITED,
    529: Failure.OVERLOADED,
}
#: Pieces of texts, where nothing else tells. Source: 2.1.330, stderr and synthetic messages.
_BY_TEXT: Final[tuple[tuple[str, Failure], ...]] = (
    ("Not logged in", Failure.NOT_LOGGED_IN),
    ("Please run /login", Failure.NOT_LOGGED_IN),
    ("Prompt is too long", Failure.CONTEXT_OVERFLOW),
    ("You've hit your", Failure.USAGE_LIMIT),
    ("No conversation found with session ID", Failure.AGENT_SESSION),
    ("already in use", Failure.AGENT_SESSION),
)


def conclude(heard: Heard, executed: Executed) -> Conclusion:
    """Return what the run came to.

    In this order: an end that we brought about; a result that is an error; a signal; no result; a
    status that contradicts the result; refused tools; an ignored schema.
    """
    failure, message = _failure(heard, executed)
    last = heard.results[-1] if heard.results else {}
    return Conclusion(
        failure=failure,
        message=message,
        claimed=_claimed(heard, last),
        cost_usd=_cost(heard, executed),
        usage=_usage(heard),
        model=heard.model,
        agent_session_id=heard.session_id,
        limit_resets_at=heard.limit.resets_at
        if failure is Failure.USAGE_LIMIT and heard.limit
        else None,
    )


def _failure(heard: Heard, executed: Executed) -> tuple[Failure | None, str | None]:
    ending = imposed(executed)
    if ending is not None:
        return ending
    last = heard.results[-1] if heard.results else None
    if last is not None and last.get("is_error"):
        return _reported(heard, last)
    if last is None:
        return _without_result(heard, executed)
    stayed = executed.ended_by is EndedBy.GRACE  # it gave its result and would not leave
    if executed.signal is not None and not stayed:
        return Failure.CRASHED, f"ended by {executed.signal} after its result"
    if executed.exit_code not in (0, None) and not stayed:
        return Failure.AGENT_ERROR, f"exit status {executed.exit_code} after its result"
    denials = _denials(heard)
    if denials:
        tools = ", ".join(dict.fromkeys(denial.tool for denial in denials))
        return Failure.PERMISSION_DENIED, f"it was refused: {tools}"
    if heard.wants_structured and "structured_output" not in last:
        return Failure.SCHEMA_VIOLATION, "it gave no structured output"
    return None, None


def _reported(heard: Heard, last: Raw) -> tuple[Failure, str]:
    """Return what a result that calls itself an error means."""
    text = _said(last) or heard.last_text or "it reported an error"
    status = last.get("api_error_status")
    reason = last.get("terminal_reason")
    for table, key in ((_BY_REASON, reason), (_BY_SUBTYPE, last.get("subtype"))):
        if isinstance(key, str) and key in table:
            return table[key], text
    by_text = _by_text(text)
    if by_text is not None:
        return by_text, text
    if heard.limit is not None and heard.limit.status == "rejected":
        return Failure.USAGE_LIMIT, text
    if heard.error is not None and heard.error in _BY_ERROR:
        return _BY_ERROR[heard.error], text
    if isinstance(status, int) and status in _BY_STATUS:
        return _BY_STATUS[status], text
    if reason == "api_error":
        return Failure.API_ERROR, text
    return Failure.AGENT_ERROR, text


def _without_result(heard: Heard, executed: Executed) -> tuple[Failure, str]:
    said = (heard.stderr or heard.plain).decode("utf-8", "replace").strip()
    last_line = said.splitlines()[-1] if said else ""
    if executed.signal is not None:
        return Failure.CRASHED, f"ended by {executed.signal} before it gave a result"
    by_text = _by_text(said)
    if by_text is not None:
        return by_text, last_line
    if executed.exit_code in (0, None):
        return Failure.NO_RESULT, "it exited without a result"
    if executed.exit_code in _SIGNALLED:
        return Failure.CRASHED, f"exit status {executed.exit_code}: ended by a signal"
    if heard.session_id is None:
        return Failure.BAD_INVOCATION, last_line or f"exit status {executed.exit_code}"
    return Failure.NO_RESULT, f"exit status {executed.exit_code} without a result"


#: 128 + SIGHUP, SIGINT, SIGKILL, SIGTERM.
_SIGNALLED: Final = (129, 130, 137, 143)


def _by_text(text: str) -> Failure | None:
    return next((failure for piece, failure in _BY_TEXT if piece in text), None)


def _said(last: Raw) -> str | None:
    result = last.get("result")
    if isinstance(result, str) and result:
        return result
    errors = last.get("errors")
    return "; ".join(str(error) for error in errors) if isinstance(errors, list) else None


def _denials(heard: Heard) -> tuple[Denial, ...]:
    listed = [
        Denial(tool=str(one.get("tool_name")), tool_use_id=one.get("tool_use_id"))
        for result in heard.results
        for one in result.get("permission_denials") or ()
        if isinstance(one, dict)
    ]
    return tuple(listed or heard.denials)


def _claimed(heard: Heard, last: Raw) -> Claimed:
    status = last.get("api_error_status")
    turns = [result.get("num_turns") for result in heard.results]
    known = [turn for turn in turns if isinstance(turn, int)]
    result = last.get("result")
    errors = last.get("errors")
    structured: Any = last.get("structured_output", msgspec.UNSET)
    return Claimed(
        text=result if isinstance(result, str) else heard.last_text,
        structured=structured,
        is_error=bool(last.get("is_error")) if last else None,
        num_turns=sum(known) if known else None,
        results=len(heard.results),
        terminal_reason=last.get("terminal_reason"),
        api_status=status if isinstance(status, int) else None,
        errors=tuple(str(error) for error in errors) if isinstance(errors, list) else (),
        denials=_denials(heard),
    )


def _cost(heard: Heard, executed: Executed) -> float | None:
    """Return the sum of what each result adds; None when one does not say, or there is none.

    Some output formats give only the session's running total. That is this run's cost when the
    session began with it, and no more than an upper bound when it was resumed.
    """
    if executed.ended_by is EndedBy.START:
        return 0.0  # nothing ran
    if heard.results and _gives_total_only(heard.results[-1]):
        total = heard.results[-1].get("total_cost_usd")
        if isinstance(total, int | float) and (total == 0 or not heard.resumed):
            return float(total)
        return None
    costs = [cost_since_last_result(result) for result in heard.results]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def _gives_total_only(result: Raw) -> bool:
    return "model_usage_since_last_result" not in result


def _usage(heard: Heard) -> Usage | None:
    """Return the sum over the results: `usage` is per result."""
    usages = [result["usage"] for result in heard.results if isinstance(result.get("usage"), dict)]
    if not usages:
        return None

    def total(key: str) -> int:
        return sum(usage.get(key) or 0 for usage in usages)

    return Usage(
        input_tokens=total("input_tokens"),
        output_tokens=total("output_tokens"),
        cache_read_tokens=total("cache_read_input_tokens"),
        cache_write_tokens=total("cache_creation_input_tokens"),
    )
