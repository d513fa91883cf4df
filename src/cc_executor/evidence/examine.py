"""Looking at everything that is kept of an execution again, and saying what of it still holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.agents.registry import dialect
from cc_executor.engine.settle import settle
from cc_executor.engine.verify import JUDGE_SCHEMA, TAIL_CHARS
from cc_executor.errors import UnknownAgent
from cc_executor.evidence.outputs import Child, OutputFault, held_by_its_chain
from cc_executor.evidence.sources import Source
from cc_executor.model.bundles import Evidence
from cc_executor.model.evidence import CheckFinding, Judgement
from cc_executor.model.examining import examine_records, last_contents
from cc_executor.model.outcomes import Changes, Claimed, EndedBy, Executed, Outcome
from cc_executor.model.proofs import Examination, Holds, Proof, proof, standing, unknown
from cc_executor.model.records import AttemptRecord, TaskRecord
from cc_executor.model.specs import TaskSpec
from cc_executor.model.spending import Counter
from cc_executor.workspace.findings import examine_contents

STATE_DIRECTORY: Final = "state directory"
_NOTHING_KEPT: Final = "nothing of it is kept"


def examine(
    evidence: Evidence,
    source: Source,
    *,
    where: str = STATE_DIRECTORY,
    before: tuple[Proof, ...] = (),
    workspaces: Mapping[str, Path] | None = None,
    signed_by: str | None = None,
) -> Examination:
    """Return what of the evidence holds. Blocking (files, as long as the output is).

    Args:
        evidence: What is recorded.
        source: Where the output of its children is kept.
        where: What the source is called.
        before: What is known already.
        workspaces: By recorded workspace, where its files are to be looked at; None: nowhere.
        signed_by: Who has signed it.
    """
    proofs = [*before, *examine_records(evidence)]
    for task in evidence.tasks:
        if task.carried_from is None:
            proofs.extend(_of_task(evidence, task, source))
        else:
            why = f"it is carried over from {task.carried_from}: verify that execution"
            proofs.append(unknown("its evidence is here", why, task_id=task.id))
    if workspaces is not None:
        proofs.extend(_of_files(evidence, workspaces))
    return Examination(
        execution_id=evidence.execution.id,
        source=where,
        state=evidence.execution.state,
        proofs=tuple(proofs),
        tasks=tuple(standing(task, proofs) for task in evidence.tasks),
        signed_by=signed_by,
    )


def recorded_workspaces(evidence: Evidence) -> dict[str, Path]:
    """Return where the files of an execution were when its tasks ended."""
    return {workspace: Path(workspace) for workspace in last_contents(evidence)}


def _of_task(evidence: Evidence, task: TaskRecord, source: Source) -> Iterator[Proof]:
    for attempt in evidence.attempts_of(task.id):
        outcome = attempt.outcome
        if outcome is None or outcome.executed is None:
            continue  # nothing ran
        yield from _of_attempt(task, attempt, outcome, source)
        for check in outcome.verified.checks:
            if check.attempt_id is not None:
                yield from _of_check(task, check, check.attempt_id, source)
        judgement = outcome.verified.judgement
        if judgement is not None and judgement.attempt_id is not None:
            yield from _of_judge(task, judgement, judgement.attempt_id, source)


# --- children ----------------------------------------------------------------------------------------


def _of_attempt(
    task: TaskRecord, attempt: AttemptRecord, outcome: Outcome, source: Source
) -> Iterator[Proof]:
    assert outcome.executed is not None
    whole = f"the output of {attempt.id} is whole"
    says = f"the output of {attempt.id} says what is recorded of it"
    with source.child(attempt.id) as child:
        if child is None:
            yield unknown(whole, _NOTHING_KEPT, task_id=task.id)
            return
        problem = _execution_problem(child, outcome.executed)
        what = f"the supervisor of {attempt.id} saw what is recorded"
        yield proof(what, problem, task_id=task.id)
        try:
            again = _read_again(attempt.id, child, attempt.agent, task.spec, outcome.executed)
        except OutputFault as fault:
            yield proof(whole, fault.problem, task_id=task.id)
            return
        except UnknownAgent as refusal:
            yield unknown(says, str(refusal), task_id=task.id)
            return
    yield proof(whole, None, task_id=task.id)
    yield proof(says, _claims_problem(again, outcome), task_id=task.id)


def _of_check(
    task: TaskRecord, check: CheckFinding, child_id: str, source: Source
) -> Iterator[Proof]:
    what = f"the check {' '.join(check.argv)} ended as recorded"
    spec = TaskSpec(name="check", command=check.argv)
    again = _child_again(child_id, "command", spec, source)
    if isinstance(again, Outcome):
        executed = again.executed
        assert executed is not None
        problem = None
        if again.ok is not check.ok or executed.exit_code != check.exit_code:
            problem = f"it ended by {executed.ended_by}, exit code {executed.exit_code}"
        elif again.text[-TAIL_CHARS:] != check.output_tail:
            problem = "its output ends otherwise"
        yield proof(what, problem, task_id=task.id)
    else:
        yield Proof(what=what, holds=again[0], reason=again[1], task_id=task.id)


def _of_judge(
    task: TaskRecord, judgement: Judgement, child_id: str, source: Source
) -> Iterator[Proof]:
    what = "the judge said what is recorded"
    spec = TaskSpec(name="judge", prompt="judge", agent=task.spec.agent, json_schema=JUDGE_SCHEMA)
    again = _child_again(child_id, spec.dialect, spec, source)
    if isinstance(again, Outcome):
        said = again.claimed.structured if again.ok else {}
        passed = isinstance(said, dict) and said.get("verdict") == "pass"
        problem = None if passed is judgement.ok else f"it said {'pass' if passed else 'fail'}"
        yield proof(what, problem, task_id=task.id)
    else:
        yield Proof(what=what, holds=again[0], reason=again[1], task_id=task.id)


def _child_again(
    child_id: str, agent: str, spec: TaskSpec, source: Source
) -> Outcome | tuple[Holds, str]:
    """Return how a check or judge ended, by what is kept of it; or why that cannot be told."""
    with source.child(child_id) as child:
        if child is None:
            return Holds.UNKNOWN, _NOTHING_KEPT
        executed = _executed(child)
        if executed is None:
            return Holds.NO, "what its supervisor saw is missing or damaged"
        try:
            return _read_again(child_id, child, agent, spec, executed)
        except OutputFault as fault:
            return Holds.NO, fault.problem
        except UnknownAgent as refusal:
            return Holds.UNKNOWN, str(refusal)


def _read_again(
    child_id: str, child: Child, agent: str, spec: TaskSpec, executed: Executed
) -> Outcome:
    """Return what the output comes to when it is read again, to its end.

    Raises:
        OutputFault: It is not whole.
        UnknownAgent: This version cannot read it.
    """
    reader = dialect(agent).reader(spec)
    counter = Counter()
    size = 0
    for chunk in held_by_its_chain(child_id, child):
        for event, _progress in reader.feed(chunk.stream, chunk.data):
            counter.take(event)
        size += len(chunk.data)
    if executed.output_bytes != size and executed.ended_by is not EndedBy.LOST:
        raise OutputFault(f"it has {size:,} bytes, {executed.output_bytes:,} were captured")
    return settle(spec, executed, counter.added_to(reader.conclude(executed)), Changes())


def _executed(child: Child) -> Executed | None:
    try:
        return msgspec.json.decode(child.outcome or b"", type=Executed)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _execution_problem(child: Child, recorded: Executed) -> str | None:
    seen = _executed(child)
    if seen is None:
        return "what it saw is missing or damaged"
    for field in Executed.__struct_fields__:
        one, other = getattr(seen, field), getattr(recorded, field)
        if one != other:
            return f"{field} is recorded as {other}, it saw {one}"
    return None


def _claims_problem(again: Outcome, recorded: Outcome) -> str | None:
    if recorded.ok and not again.ok:
        return f"read again it comes to {again.failure}: {again.message}"
    one, other = _said(again.claimed), _said(recorded.claimed)
    for field in Claimed.__struct_fields__:
        if getattr(one, field) != getattr(other, field):
            return f"{field} is recorded otherwise"
    return None


def _said(claimed: Claimed) -> Claimed:
    """Return what a dialect reads; the rest is worked out from it."""
    return msgspec.structs.replace(claimed, files=None, last_text=None)


# --- files -------------------------------------------------------------------------------------------


def _of_files(evidence: Evidence, workspaces: Mapping[str, Path]) -> Iterator[Proof]:
    for workspace, files in last_contents(evidence).items():
        where = workspaces.get(workspace)
        if where is None or not files:
            continue
        held = {path: one.content for path, one in files.items()}
        try:
            found = examine_contents(where, held)
        except OSError as error:
            why = f"{where} cannot be looked at: {error.strerror}"
            found = dict.fromkeys(held, why)
        for path, problem in sorted(found.items()):
            state = "as its task left it" if held[path] is not None else "still gone"
            yield proof(f"{path} is {state}", problem, task_id=files[path].task_id)
