"""Evidence in the state directory: what holds, and each thing that no longer does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import ExecutionNotEnded
from cc_executor.evidence.examine import examine
from cc_executor.evidence.sources import AttemptFolders
from cc_executor.evidence.verify import verify_bundle
from cc_executor.model.bundles import Evidence
from cc_executor.model.outcomes import Verification
from cc_executor.model.proofs import Examination, Holds
from tests.evidence.conftest import PYTHON, Ran


def broken(examination: Examination) -> list[str]:
    return [f"{one.what}: {one.reason}" for one in examination.proofs if one.holds is Holds.NO]


async def test_what_was_verified_and_is_as_it_was_is_verified(ran: Ran) -> None:
    examination = await ran.executor.verify(ran.result.id)

    assert broken(examination) == []
    assert examination.intact
    assert examination.verified
    assert [task.verified for task in examination.tasks] == [True, True]
    held = [proof.what.replace(ran.result.id, "ID") for proof in examination.proofs]
    assert held[:3] == [
        "its events are without gaps",
        "its events end as it has ended",
        "its tasks are those of its list",
    ]
    assert "the output of ID.1.1 is whole" in held
    assert "the output of ID.1.1 says what is recorded of it" in held
    assert "the judge said what is recorded" in held
    assert "app.py is as its task left it" in held


async def test_a_file_that_exists_proves_nothing(config: CCExecutorConfig) -> None:
    async with Executor(config) as executor:
        ended = await executor.run([{"command": ["touch", "app.py"]}])

        examination = await executor.verify(ended.id)

    assert examination.intact
    assert not examination.verified
    assert examination.tasks[0].reason == "nothing was checked when it ended"


async def test_a_task_that_failed_is_never_verified(config: CCExecutorConfig) -> None:
    async with Executor(config) as executor:
        ended = await executor.run([{"command": ["true"], "checks": [["false"]]}])

        examination = await executor.verify(ended.id)

    assert examination.intact
    assert [task.reason for task in examination.tasks] == ["it has not succeeded: check_failed"]


async def test_what_still_runs_is_not_judged(config: CCExecutorConfig) -> None:
    async with Executor(config) as executor:
        submitted = await executor.submit([{"command": ["sleep", "60"]}])

        with pytest.raises(ExecutionNotEnded):
            await executor.verify(submitted.id)


async def test_what_is_carried_over_is_verified_where_it_was_run(
    config: CCExecutorConfig, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    async with Executor(config) as executor:
        tasks = [{"command": ["true"], "checks": [["true"]]}, {"command": ["test", "-e", str(go)]}]
        first = await executor.run(tasks)
        go.touch()
        second = await executor.wait((await executor.continue_(first.id)).id)

        examination = await executor.verify(second.id)

    assert second.ok
    assert examination.intact
    assert not examination.tasks[0].verified
    assert f"carried over from {first.id}.1" in (examination.tasks[0].reason or "")


async def test_an_attempt_that_nobody_saw_the_end_of_is_intact_and_not_verified(
    config: CCExecutorConfig, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    code = f"import time; print('said', flush=True); open({str(ready)!r}, 'w'); time.sleep(60)"
    async with Executor(config) as executor:
        running = await executor.submit([{"command": [*PYTHON, code], "checks": [["true"]]}])
        async with asyncio.timeout(20):
            while not ready.exists():
                await asyncio.sleep(0.01)
        folder = Path(str(config.home)) / "executions" / running.id / "1/1"
        os.kill(json.loads((folder / "lock").read_text())[0], signal.SIGKILL)  # its supervisor
        await executor.wait(running.id)

        examination = await executor.verify(running.id)

    assert broken(examination) == []
    assert examination.tasks[0].reason == "it has not succeeded: lost"


async def test_however_an_execution_ends_its_evidence_is_intact(
    config: CCExecutorConfig, tmp_path: Path
) -> None:
    async with Executor(config) as executor:
        sleeps = ["sleep", "60"]
        lists: list[list[dict[str, Any]]] = [
            [{"command": ["false"]}, {"command": ["true"]}],
            [{"command": sleeps, "timeout": 0.2}],
            [{"command": ["false"], "retries": 1, "name": "again"}],
            [{"command": ["true"]}, {"command": ["./made"], "needs": ["task-1"]}],
            [{"command": ["true"], "workspace": "later", "needs": []}],
            [{"prompt": "nobody answers this", "retries": 1}],
            [{"prompt": "Build it", "json_schema": {"type": "string"}, "repairs": 1}],
            [{"command": ["true"], "checks": [["no-such-program"], ["true"]]}],
            [{"command": ["true"], "checks": [sleeps], "check_timeout_s": 0.2}],
            [{"command": ["head", "-c", "300000", "/dev/urandom"]}],
        ]
        (Path(str(config.workspace)) / "later").mkdir()
        ended = [await executor.run(tasks, stop_on_failure=False) for tasks in lists]
        running = await executor.submit([{"command": sleeps}, {"command": sleeps}])
        await executor.pause(running.id)
        await executor.resume(running.id)
        ended.append(await executor.cancel(running.id))

        for one in ended:
            examination = await executor.verify(one.id)
            assert broken(examination) == [], one.to_json()
            bundle = tmp_path / f"{one.id}.tar"
            await executor.export_bundle(one.id, bundle)
            assert broken(verify_bundle(bundle)) == []
            assert not examination.verified


# --- what is kept, damaged ---------------------------------------------------------------------------


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def shorten(path: Path, by: int) -> None:
    path.write_bytes(path.read_bytes()[:-by])


def put_a_link_for(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("other")).name)


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


DAMAGES: dict[str, tuple[Callable[[Ran], None], str]] = {
    "a byte of an output": (
        lambda ran: flip(ran.folder("1/1/output"), 10),
        "bytes of record 0 are damaged",
    ),
    "a byte of an index": (lambda ran: flip(ran.folder("1/1/index"), 40), "record 0 is damaged"),
    "the head of an index": (lambda ran: flip(ran.folder("1/1/index"), 3), "unknown format"),
    "more output": (lambda ran: grow(ran.folder("2/1/output")), "4 bytes at its end stand in no"),
    "less output": (lambda ran: shorten(ran.folder("2/1/output"), 5), "are missing"),
    "less of an index": (lambda ran: shorten(ran.folder("2/1/index"), 1), "is damaged"),
    "a record less": (
        lambda ran: shorten(ran.folder("2/1/index"), 32),
        "at its end stand in no record",
    ),
    "no output at all": (lambda ran: ran.folder("1/1/output").unlink(), "of record 0 are missing"),
    "another exit code": (
        lambda ran: edit(ran.folder("2/1/outcome.json"), exit_code=3),
        "exit_code is recorded as 0, it saw 3",
    ),
    "no outcome": (lambda ran: ran.folder("2/1/outcome.json").unlink(), "missing or damaged"),
    "a check that failed": (
        lambda ran: edit(ran.folder("1/1-check-1/outcome.json"), exit_code=1),
        "it ended by exit, exit code 1",
    ),
    "a check's output": (
        lambda ran: flip(ran.folder("1/1-check-1/output"), 0),
        "bytes of record 0 are damaged",
    ),
    "the judge's output": (
        lambda ran: flip(ran.folder("1/1-judge/output"), 0),
        "the judge said what is recorded: the",
    ),
    "the file": (
        lambda ran: flip(ran.workspace / "app.py", 0),
        "app.py is as its task left it: its content is another one",
    ),
    "no file": (lambda ran: (ran.workspace / "app.py").unlink(), "there is no such file"),
    "a link for the file": (
        lambda ran: put_a_link_for(ran.workspace / "app.py"),
        "symbolic link",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_each_damage_is_named_and_ends_the_verification(ran: Ran, name: str) -> None:
    damage, word = DAMAGES[name]
    damage(ran)

    examination = await ran.executor.verify(ran.result.id)

    assert not examination.verified
    assert not examination.intact
    assert any(word in one for one in broken(examination)), broken(examination)


async def test_output_that_is_gone_leaves_it_unknown_and_unverified(ran: Ran) -> None:
    folder = ran.folder("1/1")
    folder.rename(folder.with_name("elsewhere"))

    examination = await ran.executor.verify(ran.result.id)

    assert examination.intact
    assert not examination.verified
    assert "is not known, nothing of it is kept" in (examination.tasks[0].reason or "")
    assert examination.tasks[1].verified


# --- records that lie --------------------------------------------------------------------------------


def with_outcome(evidence: Evidence, number: int, **fields: Any) -> Evidence:
    """The outcome changed wherever it stands, by somebody who knows where that is."""
    task = evidence.tasks[number]
    assert task.outcome is not None
    outcome = msgspec.structs.replace(task.outcome, **fields)
    tasks = list(evidence.tasks)
    tasks[number] = msgspec.structs.replace(task, outcome=outcome)
    attempts = [
        msgspec.structs.replace(one, outcome=outcome) if one.task_id == task.id else one
        for one in evidence.attempts
    ]
    return msgspec.structs.replace(evidence, tasks=tuple(tasks), attempts=tuple(attempts))


def examined(ran: Ran, evidence: Evidence) -> Examination:
    return examine(evidence, AttemptFolders(ran.executor.engine.journals))


async def test_a_record_that_claims_more_than_was_found_is_contradicted(ran: Ran) -> None:
    evidence = await ran.executor.evidence(ran.result.id)
    outcome = evidence.tasks[0].outcome
    assert outcome is not None
    replace = msgspec.structs.replace
    bad_check = replace(outcome.verified.checks[0], ok=False)
    lies: list[tuple[Evidence, str]] = [
        (
            with_outcome(evidence, 0, verified=replace(outcome.verified, checks=(bad_check,))),
            "recorded as verified, its findings come to refuted",
        ),
        (
            with_outcome(evidence, 0, verified=replace(outcome.verified, checks=())),
            "there is no finding of the check",
        ),
        (
            with_outcome(evidence, 0, verified=replace(outcome.verified, judgement=None)),
            "there is no judgement",
        ),
        (
            with_outcome(evidence, 0, verified=replace(outcome.verified, expectations=())),
            "no finding of what was expected",
        ),
        (
            with_outcome(evidence, 0, claimed=replace(outcome.claimed, text="Better.")),
            "text is recorded otherwise",
        ),
        (replace(evidence, events=evidence.events[1:]), "event 1 is missing, 2 follows"),
        (replace(evidence, events=evidence.events[:-1]), "its last event is"),
        (replace(evidence, attempts=evidence.attempts[1:]), "1 attempts are counted, 0 are"),
        (replace(evidence, tasks=evidence.tasks[:1]), "their specs differ"),
    ]
    for lie, word in lies:
        examination = examined(ran, lie)

        assert any(word in one for one in broken(examination)), (word, broken(examination))
        assert not examination.verified

    assert examined(ran, evidence).verified


async def test_a_status_without_findings_is_contradicted(config: CCExecutorConfig) -> None:
    async with Executor(config) as executor:
        ended = await executor.run([{"command": ["true"]}])
        evidence = await executor.evidence(ended.id)
        outcome = evidence.tasks[0].outcome
        assert outcome is not None
        verified = msgspec.structs.replace(outcome.verified, status=Verification.VERIFIED)
        lie = with_outcome(evidence, 0, verified=verified)

        examination = examine(lie, AttemptFolders(executor.engine.journals))

    [problem] = broken(examination)
    assert problem.endswith("it is recorded as verified, its findings come to unverified")
    assert not examination.verified


async def test_a_file_that_a_later_task_has_changed_is_that_task_s(
    config: CCExecutorConfig,
) -> None:
    async with Executor(config) as executor:
        ended = await executor.run(
            [
                {"command": ["touch", "a", "b"], "expects": {"files": ["a", "b"]}},
                {"command": ["cp", "/etc/hostname", "a"], "expects": {"files": ["a"]}},
                {"command": ["rm", "b"], "expects": {"absent": ["b"]}},
            ]
        )

        examination = await executor.verify(ended.id)

    assert examination.verified, broken(examination)
    files = [one for one in examination.proofs if one.what.startswith(("a is", "b is"))]
    assert [(one.what, (one.task_id or "")[-1]) for one in files] == [
        ("a is as its task left it", "2"),
        ("b is still gone", "3"),
    ]
