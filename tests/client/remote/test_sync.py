"""`SyncClient`: plain threads, no event loop in sight."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cc_executor.client.remote.sync import SyncClient
from cc_executor.errors import ExecutionNotFound, ServerUnavailable
from cc_executor.model.events import Lifecycle, Output
from tests.server.process import QUICK, ServerProcess


@pytest.fixture
def client(shared: ServerProcess) -> SyncClient:
    return SyncClient(shared.url, token_file=shared.home / "token", environ={}, bounds=QUICK)


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("cc-executor")]


def test_it_does_what_client_does(client: SyncClient, tmp_path: Path) -> None:
    with client:
        ended = client.run([{"command": ["echo", "hello"]}], workspace=tmp_path)
        events = list(client.stream(ended.id))
        submitted = client.submit([{"command": ["sleep", "60"]}], workspace=tmp_path)

        assert client.pause(submitted.id).id == client.resume(submitted.id).id == submitted.id
        assert str(client.cancel(submitted.id, now=True).state) == "cancelled"
        assert client.continue_(submitted.id).record.continues == submitted.id
        assert client.get(ended.id) == ended == client.wait(ended.id)
        assert ended.id in {one.id for one in client.list()}
        assert ended.id in {one.id for one in client.history()}
        assert client.find_task(f"{ended.id}.1")[0] == client.find(ended.id) == ended.id
        assert client.status().server.running == 1
        assert client.task_list("x", workspace=tmp_path).workspace == str(tmp_path)
        client.cancel(client.list(limit=1)[0].id, now=True)
        with pytest.raises(ExecutionNotFound):
            client.get("nothing")
    assert b"".join(one.data for one in events if isinstance(one, Output)) == b"hello\n"
    assert threads() == []


def test_many_threads_share_one(client: SyncClient, tmp_path: Path) -> None:
    def work(number: int) -> tuple[bytes, bool]:
        ended = client.run([{"command": ["echo", f"{number}"]}], workspace=tmp_path)
        output = [one.data for one in client.stream(ended.id) if isinstance(one, Output)]
        return b"".join(output), ended.ok

    with client, ThreadPoolExecutor(6) as pool:
        done = list(pool.map(work, range(12)))

    assert done == [(b"%d\n" % number, True) for number in range(12)]


def test_a_stream_may_be_left_in_the_middle(client: SyncClient, tmp_path: Path) -> None:
    with client:
        submitted = client.submit([{"command": ["sleep", "60"]}], workspace=tmp_path)
        for event in client.stream(submitted.id):
            if isinstance(event, Lifecycle) and event.kind == "attempt.started":
                break
        client.cancel(submitted.id, now=True)
    assert threads() == []


def test_who_cannot_be_reached_leaves_no_thread() -> None:
    with pytest.raises(ServerUnavailable), SyncClient("ws://127.0.0.1:1", environ={}):
        pass
    assert threads() == []


def test_a_call_outside_of_the_context_says_so(client: SyncClient) -> None:
    with pytest.raises(RuntimeError, match="with SyncClient"):
        client.get("one")
