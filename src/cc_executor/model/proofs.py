"""What looking at the evidence again has given: statements that hold, or do not, each with a reason.

Nothing here says that a task is verified because a file exists. A task counts as verified only when
it was recorded so, with findings that come to that, and no evidence of it speaks against it now.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

import msgspec

from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Verification
from cc_executor.model.records import TaskRecord


class Holds(StrEnum):
    """What looking again says of a statement."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # it could not be looked at, or there is nothing to compare with


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One statement that was looked at.

    Attributes:
        task_id: Of the task that it speaks of; None: of the whole.
        what: As a phrase: `the output of 01k9.1.1 is whole`.
        reason: Why it does not hold, or why that is unknown.
    """

    what: str
    holds: Holds
    task_id: str | None = None
    reason: str | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one task stands after its evidence was looked at.

    Attributes:
        recorded: What checking came to when the task ended.
        verified: Whether that still stands: recorded so, and nothing speaks against it.
        reason: Why it is not verified; None when it is.
    """

    task_id: str
    name: str
    state: TaskState
    recorded: Verification
    verified: bool
    reason: str | None = None


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What looking at the evidence of an execution has given.

    Attributes:
        source: What was looked at: `state directory`, or the path of a bundle.
        signed_by: Who has signed the bundle, as the signature itself proves; None: nobody, or
            nobody who is known.
    """

    execution_id: str
    source: str
    state: TaskState
    proofs: tuple[Proof, ...]
    tasks: tuple[Standing, ...]
    signed_by: str | None = None

    @property
    def intact(self) -> bool:
        """Whether nothing that was looked at contradicts the record."""
        return not any(proof.holds is Holds.NO for proof in self.proofs)

    @property
    def verified(self) -> bool:
        """Whether every task is verified, and no evidence of the whole contradicts the record."""
        whole = any(one.holds is Holds.NO and one.task_id is None for one in self.proofs)
        return bool(self.tasks) and not whole and all(task.verified for task in self.tasks)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "execution_id": self.execution_id,
            "source": self.source,
            "state": str(self.state),
            "verified": self.verified,
            "intact": self.intact,
            "signed_by": self.signed_by,
            "tasks": [msgspec.to_builtins(task) for task in self.tasks],
            "proofs": [
                {
                    "task_id": proof.task_id,
                    "what": proof.what,
                    "holds": str(proof.holds),
                    "reason": proof.reason,
                }
                for proof in self.proofs
            ],
        }


def proof(what: str, problem: str | None, *, task_id: str | None = None) -> Proof:
    """Return a statement that holds, unless there is a problem."""
    holds = Holds.YES if problem is None else Holds.NO
    return Proof(what=what, holds=holds, task_id=task_id, reason=problem)


def unknown(what: str, why: str, *, task_id: str | None = None) -> Proof:
    """Return a statement of which nothing is known."""
    return Proof(what=what, holds=Holds.UNKNOWN, task_id=task_id, reason=why)


_RECORDED: Final = {
    Verification.UNVERIFIED: "nothing was checked when it ended",
    Verification.REFUTED: "it was refuted when it ended",
}


def standing(task: TaskRecord, proofs: Iterable[Proof]) -> Standing:
    """Return how a task stands, given all that was looked at."""
    recorded = task.outcome.verified.status if task.outcome else Verification.UNVERIFIED
    reason = _why_not(task, recorded, [one for one in proofs if one.task_id == task.id])
    return Standing(
        task_id=task.id,
        name=task.name,
        state=task.state,
        recorded=recorded,
        verified=reason is None,
        reason=reason,
    )


def _why_not(task: TaskRecord, recorded: Verification, proofs: list[Proof]) -> str | None:
    if task.state is not TaskState.SUCCEEDED or task.outcome is None:
        failure = task.outcome.failure if task.outcome else None
        return f"it has not succeeded: {failure or task.state}"
    if recorded is not Verification.VERIFIED:
        return _RECORDED[recorded]
    for one in proofs:
        if one.holds is not Holds.YES:
            how = "does not hold" if one.holds is Holds.NO else "is not known"
            return f"{one.what}: {how}, {one.reason}"
    return None
