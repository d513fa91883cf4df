"""What all findings come to: one status, and for a refuted task the failure and its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from cc_executor.model.evidence import REFUTING, FileVerdict
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import Outcome, Verification, Verified

#: Failures that the agent's own session could repair, told what was found.
REPAIRABLE: Final = frozenset(
    {
        Failure.SCHEMA_VIOLATION,
        Failure.CLAIM_REFUTED,
        Failure.EXPECTATION_FAILED,
        Failure.CHECK_FAILED,
        Failure.VALIDATION_FAILED,
    }
)


class Refutation(NamedTuple):
    """Why a task has failed whose agent says that it has succeeded."""

    failure: Failure
    reason: str


def refutations(verified: Verified) -> Iterator[Refutation]:
    """Yield everything that does not hold, what was looked at first first."""
    for file in verified.files:
        if file.verdict in REFUTING:
            reason = f"{file.path} ({file.claimed}): {file.verdict}, {file.reason}"
            yield Refutation(Failure.CLAIM_REFUTED, reason)
    for line in verified.expectations:
        if not line.ok:
            reason = f"{line.kind}: {line.path}: {line.reason}"
            yield Refutation(Failure.EXPECTATION_FAILED, reason)
    for check in verified.checks:
        if not check.ok:
            reason = f"{' '.join(check.argv)}: {check.reason}"
            yield Refutation(Failure.CHECK_FAILED, reason)
    if verified.judgement is not None and not verified.judgement.ok:
        yield Refutation(Failure.VALIDATION_FAILED, verified.judgement.reason)


def is_refuted(verified: Verified) -> bool:
    """Tell whether anything does not hold."""
    return next(refutations(verified), None) is not None


def status_of(verified: Verified, *, were_claims_compared: bool) -> Verification:
    """Return what all findings come to.

    What the agent only kept silent about refutes nothing, but claims alone verify a task only when
    they are complete.
    """
    if is_refuted(verified):
        return Verification.REFUTED
    if verified.expectations or verified.checks or verified.judgement:
        return Verification.VERIFIED
    silent = any(file.verdict is FileVerdict.UNCLAIMED for file in verified.files)
    if were_claims_compared and not silent:
        return Verification.VERIFIED
    return Verification.UNVERIFIED


def with_findings(outcome: Outcome, verified: Verified) -> Outcome:
    """Return the outcome of a task that has ended well by its own account, with what was found."""
    compared = outcome.claimed.files is not None
    status = status_of(verified, were_claims_compared=compared)
    verified = msgspec.structs.replace(verified, status=status)
    first = next(refutations(verified), None)
    if first is None:
        return msgspec.structs.replace(outcome, verified=verified)
    return msgspec.structs.replace(
        outcome,
        verified=verified,
        state=FAILURES[first.failure].state,
        failure=first.failure,
        message=first.reason,
    )
