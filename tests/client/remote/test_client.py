"""`Client` against a real server: the same names, arguments and results as `Executor`."""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.client.remote.client import Client
from cc_executor.client.remote.sync import SyncClient
from cc_executor.errors import (
    AmbiguousId,
    DuplicateExecution,
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidSpec,
    InvalidTransition,
    NothingToContinue,
    TaskNotFound,
)
from cc_executor.model.events import Cursor, Lifecycle, Output, StreamEvent
from cc_executor.model.lifecycle import TaskState
from tests.server.process import ServerProcess

ECHO: dict[str, Any] = {"command": ["echo", "hello"]}
SLEEP: dict[str, Any] = {"command": ["sleep", "60"]}
WAIT: dict[str, Any] = {
    "command": ["sh", "-c", "echo ready; while [ ! -e go ]; do sleep 0.02; done; echo done"]
}


def written(events: list[StreamEvent], stream: str = "stdout") -> bytes:
    return b"".join(one.data for one in events if isinstance(one, Output) and one.stream == stream)


async def until_running(client: Client, execution_id: str) -> None:
    async for event in client.stream(execution_id):
        if isinstance(event, Lifecycle) and event.kind == "attempt.started":
            return


def public(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(method)
    }


@pytest.mark.parametrize("remote", [Client, SyncClient])
def test_it_has_the_names_and_arguments_of_executor(remote: type) -> None:
    there = public(remote)
    for name, embedded in public(Executor).items():
        if name == "settled" and remote is SyncClient:
            continue  # for the command line
        if name in ("evidence", "verify", "export_bundle", "folder"):
            continue  # about files, which lie with the server
        missing = set(embedded.parameters) - set(there[name].parameters)
        assert missing == set(), name


async def test_run_returns_what_came_of_it(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        ended = await client.run([ECHO, {"command": ["false"]}, ECHO], workspace=tmp_path)

    assert [str(task.state) for task in ended.tasks] == ["succeeded", "failed", "skipped"]
    assert ended.tasks[0].result == "hello\n"
    assert ended.record.principal == "owner"


async def test_both_clients_see_the_same(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        ended = await client.run(
            [ECHO, WAIT | {"command": ["sh", "-c", "echo a; echo b >&2"]}], workspace=tmp_path
        )
        there = [one async for one in client.stream(ended.id)]
        got = await client.get(ended.id)
    async with Executor(CCExecutorConfig(home=shared.home)) as executor:
        here = [one async for one in executor.stream(ended.id)]
        assert await executor.get(ended.id) == got == ended

    def lifecycle(events: list[StreamEvent]) -> list[StreamEvent]:
        return [one for one in events if isinstance(one, Lifecycle)]

    assert lifecycle(there) == lifecycle(here)
    assert written(there) == written(here) == b"hello\na\n"
    assert written(there, "stderr") == b"b\n"


async def test_a_relative_workspace_is_relative_to_the_client(
    shared: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    async with shared.client() as client:
        for asked, expected in ((None, tmp_path), ("here", tmp_path / "here")):
            ended = await client.run([{"command": ["pwd"]}], workspace=asked)
            assert ended.tasks[0].result == f"{expected}\n"


async def test_a_key_stands_for_one_execution(shared: ServerProcess, tmp_path: Path) -> None:
    key = f"key of {tmp_path}"
    async with shared.client() as client:
        first = await client.submit([ECHO], workspace=tmp_path, idempotency_key=key)
        again = await client.submit([ECHO], workspace=tmp_path, idempotency_key=key)
        other = await client.submit([ECHO], workspace=tmp_path)
        with pytest.raises(IdempotencyConflict):
            await client.submit([SLEEP], workspace=tmp_path, idempotency_key=key)

    assert first.id == again.id != other.id


async def test_the_caller_may_choose_an_id(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        chosen = await client.submit([ECHO], workspace=tmp_path, execution_id="chosen")
        assert chosen.id == "chosen"
        with pytest.raises(DuplicateExecution):
            await client.submit([ECHO], workspace=tmp_path, execution_id="chosen")
        with pytest.raises(InvalidSpec):  # it could stand for somebody's key
            await client.submit([ECHO], workspace=tmp_path, execution_id="k" + "0" * 31)
        with pytest.raises(InvalidSpec):
            await client.submit([ECHO], execution_id="chosen2", idempotency_key="key")


async def test_an_id_that_is_at_work_cannot_be_chosen_again(
    shared: ServerProcess, tmp_path: Path
) -> None:
    async with shared.client() as client:
        await client.submit([SLEEP], workspace=tmp_path, execution_id="at-work")
        with pytest.raises(DuplicateExecution):
            await client.submit([SLEEP], workspace=tmp_path, execution_id="at-work")
        await client.cancel("at-work", now=True)


async def test_one_request_that_comes_many_times_at_once_happens_once(
    shared: ServerProcess, tmp_path: Path
) -> None:
    async with shared.client() as client:
        for n in range(5):
            key = f"{n} of {tmp_path}"
            twins = [
                client.submit([SLEEP], workspace=tmp_path, idempotency_key=key) for _ in range(8)
            ]
            [only] = {one.id for one in await asyncio.gather(*twins)}
            await client.cancel(only, now=True)


async def test_it_pauses_resumes_and_cancels(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        submitted = await client.submit([SLEEP | {"name": "nap"}], workspace=tmp_path)
        await until_running(client, submitted.id)

        assert (await client.pause(submitted.id)).state is TaskState.PAUSED
        assert (await client.resume(f"{submitted.id}.nap")).state is TaskState.RUNNING
        assert (await client.pause(f"{submitted.id}.1")).state is TaskState.PAUSED
        assert (await client.cancel(submitted.id, now=True)).state is TaskState.CANCELLED
        with pytest.raises(InvalidTransition):
            await client.cancel(submitted.id)


async def test_a_wait_that_is_cancelled_cancels_unless_told_otherwise(
    shared: ServerProcess, tmp_path: Path
) -> None:
    async with shared.client() as client:
        submitted = await client.submit([SLEEP], workspace=tmp_path)
        for cancels, expected in ((False, "running"), (True, "cancelled")):
            await until_running(client, submitted.id)
            waiting = asyncio.create_task(client.wait(submitted.id, cancel_with_caller=cancels))
            await client.status()  # it is on its way now
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert str((await client.get(submitted.id)).state) == expected


async def test_what_is_left_undone_is_continued(shared: ServerProcess, tmp_path: Path) -> None:
    flag = {"command": ["sh", "-c", "test -e flag"]}
    async with shared.client() as client:
        failed = await client.run([ECHO, flag], workspace=tmp_path)
        (tmp_path / "flag").touch()
        ended = await client.wait((await client.continue_(failed.id)).id)
        with pytest.raises(NothingToContinue):
            await client.continue_(ended.id)

    assert ended.ok
    assert ended.record.continues == failed.id


async def test_more_may_wait_than_the_server_answers_at_a_time(
    shared: ServerProcess, tmp_path: Path
) -> None:
    async with shared.client() as client:
        submitted = await client.submit([WAIT], workspace=tmp_path)
        waiting = [asyncio.create_task(client.wait(submitted.id)) for _ in range(100)]
        await until_running(client, submitted.id)
        (tmp_path / "go").touch()

        assert {one.ok for one in await asyncio.gather(*waiting)} == {True}


async def test_it_lists_and_looks_back(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        ids = [(await client.run([ECHO], workspace=tmp_path)).id for _ in range(12)]
        listed = await client.list(limit=11)
        ended = await client.list(states=[TaskState.SUCCEEDED], limit=60)
        back = await client.history(limit=12)

        assert [one.id for one in listed] == ids[:0:-1]
        assert {one.id for one in ended} >= set(ids)
        assert [one.id for one in back] == ids[::-1]
        assert back[0] == await client.get(ids[-1])
        for limit in (0, 1001):
            with pytest.raises(InvalidSpec):
                await client.list(limit=limit)


async def test_ids_are_found_by_their_beginnings(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        for name in ("prefix-a", "prefix-b"):
            await client.run([ECHO | {"name": "echo"}], workspace=tmp_path, execution_id=name)

        assert await client.find("prefix-a") == "prefix-a"
        found, task = await client.find_task("prefix-b.echo")
        assert (found, task and task.id) == ("prefix-b", "prefix-b.1")
        assert await client.find_task("prefix-b") == ("prefix-b", None)
        with pytest.raises(AmbiguousId):
            await client.get("prefix-")
        with pytest.raises(TaskNotFound):
            await client.find_task("prefix-b.2")
        with pytest.raises(ExecutionNotFound):
            await client.get("nothing")


async def test_a_stream_goes_on_after_any_cursor(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        ended = await client.run([ECHO, ECHO, ECHO], workspace=tmp_path)
        whole = [one async for one in client.stream(ended.id)]
        for at, event in enumerate(whole):
            if isinstance(event, Lifecycle):
                rest = [one async for one in client.stream(ended.id, after=Cursor(seq=event.seq))]
                assert rest == whole[at + 1 :]


async def test_a_stream_can_stop_at_what_is_there(shared: ServerProcess, tmp_path: Path) -> None:
    async with shared.client() as client:
        submitted = await client.submit([WAIT], workspace=tmp_path)
        async for event in client.stream(submitted.id):
            if isinstance(event, Output):
                break
        so_far = [one async for one in client.stream(submitted.id, until_end=False)]
        (tmp_path / "go").touch()
        await client.wait(submitted.id)

    assert written(so_far) == b"ready\n"


async def test_a_reader_that_reads_nothing_stops_nobody_else(
    shared: ServerProcess, tmp_path: Path
) -> None:
    code = "import os\nfor _ in range(16): os.write(1, bytes(1 << 20))"
    async with shared.client() as client:
        submitted = await client.submit(
            [{"command": [sys.executable, "-c", code]}], workspace=tmp_path
        )
        slow = client.stream(submitted.id)
        first = await anext(slow)
        assert (await client.wait(submitted.id)).ok
        rest = [one async for one in slow]

    assert len(written([first, *rest])) == 16 << 20


async def test_a_call_outside_of_the_context_says_so(shared: ServerProcess) -> None:
    client = shared.client()
    with pytest.raises(RuntimeError, match="async with"):
        await client.get("one")
    async with client:
        await client.status()
    with pytest.raises(RuntimeError, match="async with"):
        await client.get("one")
