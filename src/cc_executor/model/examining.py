"""What the records of an execution prove by themselves, without any file. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from cc_executor.model.bundles import Evidence
from cc_executor.model.lifecycle import is_final, state_of_list
from cc_executor.model.outcomes import Content, Outcome, Verification, Verified
from cc_executor.model.proofs import Proof, proof
from cc_executor.model.records import AttemptRecord, TaskRecord
from cc_executor.model.verdicts import refutations, status_of

#: The most that is said about one kind of thing.
_FIRST: Final = 20


def examine_records(evidence: Evidence) -> Iterator[Proof]:
    """Yield what the records say of each other."""
    yield proof("its events are without gaps", _gaps(evidence))
    yield proof("its events end as it has ended", _last_event(evidence))
    yield proof("its tasks are those of its list", _tasks(evidence))
    for task in evidence.tasks:
        if task.outcome is None or task.carried_from is not None:
            continue
        attempts = evidence.attempts_of(task.id)
        problem = _attempts(task, attempts)
        yield proof("its outcome is that of its last attempt", problem, task_id=task.id)
        problem = _findings(task.outcome)
        yield proof("its findings come to what is recorded", problem, task_id=task.id)
        problem = _what_was_asked(task, task.outcome.verified)
        yield proof("what was to be checked was checked", problem, task_id=task.id)


def _gaps(evidence: Evidence) -> str | None:
    for expected, event in enumerate(evidence.events, start=1):
        if event.seq != expected:
            return f"event {expected} is missing, {event.seq} follows"
        if event.execution_id != evidence.execution.id:
            return f"event {event.seq} is of another execution"
    return None if evidence.events else "there is none"


def _last_event(evidence: Evidence) -> str | None:
    state = evidence.execution.state
    if not is_final(state):
        return f"it has not ended: {state}"
    kinds = [event.kind for event in evidence.events if event.kind.startswith("execution.")]
    if not kinds or kinds[-1] != f"execution.{state}":
        return f"it is recorded as {state}, its last event is {kinds[-1] if kinds else 'none'}"
    ends: dict[str, str] = {}
    for event in evidence.events:
        if event.task_id is not None and event.kind.startswith("task."):
            ends[event.task_id] = event.kind
    for task in evidence.tasks:
        if task.carried_from is None and ends.get(task.id) != f"task.{task.state}":
            last = ends.get(task.id, "none")
            return f"task {task.name} is recorded as {task.state}, its last event is {last}"
    return None


def _tasks(evidence: Evidence) -> str | None:
    listed = evidence.execution.task_list.tasks
    if tuple(task.spec for task in evidence.tasks) != listed:
        return "their specs differ"
    for number, task in enumerate(evidence.tasks, start=1):
        if task.number != number or task.id != f"{evidence.execution.id}.{number}":
            return f"task {number} has the id {task.id}"
    fresh = [task.state for task in evidence.tasks if task.carried_from is None]
    if fresh and state_of_list(fresh) is not evidence.execution.state:
        come_to = state_of_list(fresh)
        return f"they come to {come_to}, the whole is recorded as {evidence.execution.state}"
    return None


def _attempts(task: TaskRecord, attempts: tuple[AttemptRecord, ...]) -> str | None:
    if len(attempts) != task.attempts:
        return f"{task.attempts} attempts are counted, {len(attempts)} are recorded"
    for number, attempt in enumerate(attempts, start=1):
        if attempt.number != number:
            return f"attempt {number} is missing"
    if attempts and attempts[-1].outcome != task.outcome:
        return f"attempt {len(attempts)} has another outcome"
    return None


def _findings(outcome: Outcome) -> str | None:
    """Say how the recorded status differs from what the findings come to."""
    verified = outcome.verified
    first = next(refutations(verified), None)
    if outcome.ok:
        compared = outcome.claimed.files is not None
        status = status_of(verified, were_claims_compared=compared)
        if status is not verified.status:
            return f"it is recorded as {verified.status}, its findings come to {status}"
        return None
    if verified.status is Verification.VERIFIED:
        return f"it is recorded as verified, and has failed: {outcome.failure}"
    if verified.status is Verification.REFUTED and first is None:
        return "it is recorded as refuted, and nothing that was found refutes it"
    return None


def _what_was_asked(task: TaskRecord, verified: Verified) -> str | None:
    """Say what a success leaves out of what its task asks to have checked."""
    outcome, spec = task.outcome, task.spec
    if outcome is None or not outcome.ok:
        return None
    ran = [check.argv for check in verified.checks]
    left = [" ".join(argv) for argv in spec.checks if argv not in ran]
    if left:
        return f"there is no finding of the check {left[0]}"
    if spec.validation_prompt is not None and verified.judgement is None:
        return "there is no judgement"
    if spec.expects is not None and not verified.expectations:
        return "there is no finding of what was expected"
    if spec.json_schema is not None and verified.schema != "valid":
        return "nothing says that the answer fits its schema"
    return None


# --- files as they should be now --------------------------------------------------------------------


class Held(msgspec.Struct, frozen=True):
    """What a file should hold, since which task.

    Attributes:
        content: None: it should not be there.
    """

    task_id: str
    content: Content | None


def last_contents(evidence: Evidence) -> dict[str, dict[str, Held]]:
    """Return by workspace and path what the last task that touched a file has left there.

    Files that a claim was compared with are known by that finding, too: it was made last.
    """
    found: dict[str, dict[str, Held]] = {}
    ended = [task for task in evidence.tasks if task.outcome is not None and not task.carried_from]
    for task in sorted(ended, key=lambda one: one.ended_at or 0.0):
        assert task.outcome is not None
        changes, ground = task.outcome.changes, task.outcome.ground
        if ground is not None and ground.path is None:
            continue  # what it wrote stands in a branch, or it wrote nothing
        where = (ground.path if ground is not None else task.spec.workspace) or ""
        files = found.setdefault(where, {})
        files.update({path: Held(task.id, None) for path in changes.deleted})
        for path in (*changes.created, *changes.modified):
            files.pop(path, None)  # what an earlier task left there is not there any more
        files.update({path: Held(task.id, content) for path, content in changes.contents.items()})
    return found
