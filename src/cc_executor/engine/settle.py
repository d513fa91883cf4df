"""From what was executed and what was claimed to an outcome: pure."""

from __future__ import annotations

import msgspec

from cc_executor.agents.answers import NOT_FOUND, find_json
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Changes, Conclusion, Executed, Outcome, Verified
from cc_executor.model.schema import validate
from cc_executor.model.specs import Schema, TaskSpec


def settle(spec: TaskSpec, executed: Executed, conclusion: Conclusion, changes: Changes) -> Outcome:
    """Return how the attempt ended.

    A task with a JSON schema succeeds only with a value that was validated here, whatever the
    agent says about it. A value is taken from the answer's text when the agent gave none by its
    native schema output; it is never repaired.
    """
    verified = Verified()
    if spec.json_schema is not None and conclusion.failure in (None, Failure.SCHEMA_VIOLATION):
        conclusion, verified = _with_schema(spec.json_schema, conclusion)
    return _outcome(executed, conclusion, changes, verified)


def refused(failure: Failure, message: str, detail: str | None = None) -> Outcome:
    """Return the outcome of a task that could not even be started."""
    return Outcome(state=FAILURES[failure].state, failure=failure, message=message, detail=detail)


def _outcome(
    executed: Executed, conclusion: Conclusion, changes: Changes, verified: Verified
) -> Outcome:
    failure = conclusion.failure
    facts = FAILURES[failure] if failure else None
    return Outcome(
        state=facts.state if facts else TaskState.SUCCEEDED,
        failure=failure,
        detail=executed.timer or executed.limit,
        message=conclusion.message or (facts.meaning if facts else None),
        executed=executed,
        claimed=conclusion.claimed,
        verified=verified,
        changes=changes,
        cost_usd=conclusion.cost_usd,
        usage=conclusion.usage,
        model=conclusion.model,
        agent_session_id=conclusion.agent_session_id,
        limit_resets_at=conclusion.limit_resets_at,
        retry_after_s=conclusion.retry_after_s,
    )


def _with_schema(schema: Schema, conclusion: Conclusion) -> tuple[Conclusion, Verified]:
    value = conclusion.claimed.structured
    if value is msgspec.UNSET:
        value = find_json(
            conclusion.claimed.text or "", accept=lambda found: validate(found, schema) is None
        )
    if value is NOT_FOUND:
        problem = conclusion.message or "the answer holds no JSON value"
        return _violation(conclusion, problem)
    wrong = validate(value, schema)
    if wrong is not None:
        return _violation(conclusion, f"{wrong.where}: {wrong.problem}")
    claimed = msgspec.structs.replace(conclusion.claimed, structured=value)
    good = msgspec.structs.replace(conclusion, claimed=claimed, failure=None, message=None)
    return good, Verified(schema="valid")


def _violation(conclusion: Conclusion, problem: str) -> tuple[Conclusion, Verified]:
    failed = msgspec.structs.replace(
        conclusion, failure=Failure.SCHEMA_VIOLATION, message=f"schema violation: {problem}"
    )
    return failed, Verified(schema="invalid", schema_error=problem)
