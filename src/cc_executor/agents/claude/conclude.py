"""What an attempt came to: from what Claude Code said and how it ended, by the tables."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.agents.claude.facts import Facts, ResultFacts
from cc_executor.agents.claude.tables import (
    API_ERRORS,
    API_ERRORS_WITHOUT_STATUS,
    API_STATUSES,
    CAUGHT_SIGNALS,
    LIMIT_RESET,
    RETRY_AFTER,
    SENTENCES,
    SUBTYPES,
    TERMINAL_REASONS,
    UNFINISHED,
)
from cc_executor.agents.endings import Verdict, crashed, ended_from_outside
from cc_executor.model.events import LimitNotice
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import Claimed, Conclusion, EndedBy, Executed

_MAX_MESSAGE_CHARS: Final = 500
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def conclude(facts: Facts, executed: Executed) -> Conclusion:
    """Return what an attempt came to."""
    verdict = judge(facts, executed)
    failure = verdict.failure if verdict else None
    return Conclusion(
        failure=failure,
        message=verdict.message[:_MAX_MESSAGE_CHARS] if verdict else None,
        claimed=_claimed(facts),
        # What never ran has cost nothing; of what was cut short, the cost is not known.
        cost_usd=0.0 if failure is Failure.START_FAILED else facts.charge.cost_usd,
        usage=facts.charge.usage,
        model=facts.model,
        agent_session_id=None if failure is Failure.AGENT_SESSION else facts.session_id,
        limit_resets_at=_resets_at(facts, verdict) if verdict else None,
        retry_after_s=_retry_after_s(verdict) if verdict else None,
    )


def _resets_at(facts: Facts, verdict: Verdict) -> float | None:
    """Return when the usage limit ends, as it was reported."""
    if verdict.failure is not Failure.USAGE_LIMIT:
        return None
    limit = facts.limit
    if limit is not None and limit.status == "rejected" and limit.resets_at is not None:
        return limit.resets_at
    found = LIMIT_RESET.search(verdict.message)
    return float(found[1]) if found else None


def _retry_after_s(verdict: Verdict) -> float | None:
    """Return how long the model API asked to be left alone, as the agent passes it on."""
    if verdict.failure not in (Failure.RATE_LIMITED, Failure.OVERLOADED, Failure.API_ERROR):
        return None
    found = RETRY_AFTER.search(verdict.message)
    return float(found[1]) * _SECONDS[(found[2] or "s")[0].lower()] if found else None


def judge(facts: Facts, executed: Executed) -> Verdict | None:
    """Return why the attempt did not succeed; None when all went well by every account.

    The order is the order of trust: what the supervisor did or saw, then what the agent says
    against itself, then what its exit says against it, then what is missing for a success. Of
    several results the first that failed counts: the others may only have noticed the end of a
    background task.
    """
    outside = ended_from_outside(executed)
    if outside is not None:
        return outside
    result = facts.result
    if result is None or facts.is_working:
        return _without_result(facts, executed)
    return (
        _by_result(result, facts)
        or _by_exit(facts, executed)
        or _by_denials(facts)
        or _by_structure(facts)
    )


def _without_result(facts: Facts, executed: Executed) -> Verdict:
    by_signal = crashed(executed) or _caught_signal(executed)
    if by_signal is not None:
        return by_signal
    refusal = None if executed.exit_code == 0 else _by_sentence(facts.stderr)
    if refusal is not None:
        return refusal
    status = "" if executed.exit_code is None else f" with exit status {executed.exit_code}"
    reason = f": {facts.complaint}" if facts.complaint else ""
    if facts.oversized_lines:
        reason += f" ({facts.oversized_lines} lines of output were too long to be read)"
    return Verdict(Failure.NO_RESULT, f"It ended{status} and gave no result{reason}")


def _by_result(result: ResultFacts, facts: Facts) -> Verdict | None:
    if not result.failed:
        return None
    failure = TERMINAL_REASONS.get(result.terminal_reason or "") or SUBTYPES.get(
        result.subtype or ""
    )
    failure = failure or _by_its_error(result, facts.limit)
    return Verdict(failure, _words(result, failure))


def _by_its_error(result: ResultFacts, limit: LimitNotice | None) -> Failure:
    sentence = _by_sentence("\n".join((result.text or "", *result.errors)))
    if sentence is not None:
        return sentence.failure
    failure = _by_api(result.api_status, result.api_error or "")
    if failure is Failure.RATE_LIMITED and limit is not None and limit.status == "rejected":
        return Failure.USAGE_LIMIT  # not a moment's rate, but the account's window
    if failure is not None:
        return failure
    if result.startup_failure is not None:
        return Failure.BAD_INVOCATION
    return Failure.API_ERROR if result.terminal_reason == "api_error" else Failure.AGENT_ERROR


def _by_api(status: int | None, word: str) -> Failure | None:
    if word in API_ERRORS:
        return API_ERRORS[word]
    if status is not None:
        return API_STATUSES.get(status, Failure.API_ERROR)
    return API_ERRORS_WITHOUT_STATUS.get(word)


def _by_exit(facts: Facts, executed: Executed) -> Verdict | None:
    if executed.ended_by is EndedBy.GRACE or executed.exit_code == 0:
        return None
    after = f"It gave a result and then ended with exit status {executed.exit_code}"
    reason = f": {facts.complaint}" if facts.complaint else "."
    return (
        crashed(executed)
        or _caught_signal(executed)
        or Verdict(Failure.EXIT_STATUS, f"{after}{reason}")
    )


def _caught_signal(executed: Executed) -> Verdict | None:
    name = CAUGHT_SIGNALS.get(executed.exit_code or 0)
    if name is None:
        return None
    status = f"exit status {executed.exit_code}"
    return Verdict(Failure.INTERRUPTED, f"It was ended by {name} from elsewhere ({status}).")


def _by_denials(facts: Facts) -> Verdict | None:
    if not facts.denials:
        return None
    tools = ", ".join(dict.fromkeys(denial.tool for denial in facts.denials))
    return Verdict(Failure.PERMISSION_DENIED, f"It was refused a tool it wanted: {tools}.")


def _by_structure(facts: Facts) -> Verdict | None:
    if not facts.wants_structure or facts.structured is not msgspec.UNSET:
        return None
    return Verdict(Failure.SCHEMA_VIOLATION, "It gave no structured output.")


def _by_sentence(text: str) -> Verdict | None:
    """Return what the first sentence that we know means, with the text from its line on."""
    for pattern, failure in SENTENCES:
        found = pattern.search(text)
        if found is not None:
            line_start = text.rfind("\n", 0, found.start()) + 1
            return Verdict(failure, " ".join(text[line_start:].split()))
    return None


def _words(result: ResultFacts, failure: Failure) -> str:
    """Return the agent's own words for its failure, else ours."""
    said = (result.text if result.is_error else None) or "; ".join(result.errors)
    if said and not said.startswith("[ede_diagnostic]"):
        return said
    return UNFINISHED.get(result.terminal_reason or "", FAILURES[failure].meaning)


def _claimed(facts: Facts) -> Claimed:
    result = facts.result
    if result is None:
        return Claimed(denials=facts.denials)
    errors = result.errors
    if result.is_error and result.text and result.text not in errors:
        errors = (*errors, result.text[: 4 * _MAX_MESSAGE_CHARS])
    return Claimed(
        text=facts.text,
        structured=facts.structured,
        is_error=result.is_error,
        num_turns=facts.num_turns,
        results=facts.results,
        terminal_reason=result.terminal_reason,
        api_status=result.api_status,
        errors=errors,
        denials=facts.denials,
    )
