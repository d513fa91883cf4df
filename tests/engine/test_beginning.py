"""What is true when a list has been accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.client.executor import Executor
from cc_executor.errors import DuplicateExecution
from cc_executor.journal import layout
from cc_executor.model.lifecycle import TaskState

BEGUN = ["execution.submitted", "task.started", "attempt.starting", "execution.started"]


async def test_a_list_is_acknowledged_when_its_first_attempt_is_intended(
    executor: Executor,
) -> None:
    submitted = await executor.submit([{"command": ["true"]}, {"command": ["true"]}])

    assert submitted.state is not TaskState.QUEUED
    store = executor.engine._world.store
    assert [event.kind for event in await store.events(submitted.id, limit=4)] == BEGUN
    assert (await executor.wait(submitted.id)).ok


async def test_an_id_that_was_used_is_refused_and_its_folders_are_left_alone(
    executor: Executor, home: Path
) -> None:
    ended = await executor.run([{"command": ["true"]}], execution_id="chosen")
    launch = home / "executions" / "chosen" / "1" / "1" / layout.LAUNCH
    before = launch.read_bytes()

    with pytest.raises(DuplicateExecution):
        await executor.run([{"command": ["false"]}], execution_id="chosen")

    assert launch.read_bytes() == before
    assert (await executor.get("chosen")).tasks == ended.tasks


async def test_what_was_refused_at_its_creation_leaves_its_id_free(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = executor.engine._world.store
    with monkeypatch.context() as broken:

        async def refuse(*_: object) -> None:
            raise DuplicateExecution("chosen")

        broken.setattr(store, "create", refuse)
        with pytest.raises(DuplicateExecution):
            await executor.submit([{"command": ["true"]}], execution_id="chosen")

    assert (await executor.run([{"command": ["true"]}], execution_id="chosen")).ok
