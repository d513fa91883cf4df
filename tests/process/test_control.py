"""The control socket of a running attempt, spoken to directly."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cc_executor.journal import layout
from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason
from cc_executor.process.attending import Attended
from cc_executor.process.connections import MAX_CONNECTIONS, MAX_LINE_BYTES
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import claim_of
from cc_executor.testing.scripted_agent import Script
from tests.process.support import captured, launch, peer, until


@pytest.fixture
async def attempt(supervision: ProcessSupervision, folder: Path) -> AsyncIterator[Attended]:
    script = Script().line("up").cat()
    made = await supervision.start(launch(script, folder, keep_stdin_open=True), folder)
    await made.changed(beyond=0)
    yield made
    await made.stop(StopReason.CANCEL, now=True)
    await made.wait()


def memory_kib(pid: int) -> int:
    """Return the resident size of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


async def test_a_watcher_is_told_where_things_stand(attempt: Attended, folder: Path) -> None:
    with peer(folder) as watcher:
        answer = watcher.ask(do="hello", role="watcher")

    assert answer == {"id": 7, "pid": attempt.pid, "head": 3, "paused": False}


async def test_a_watcher_hears_of_new_output_and_of_the_end(
    attempt: Attended, folder: Path
) -> None:
    with peer(folder) as watcher:
        watcher.ask(do="hello", role="watcher")
        await attempt.write_stdin(b"more")
        assert watcher.hear() == {"head": 7}

        await attempt.close_stdin()
        ended = watcher.hear()

        assert ended is not None
        assert ended["ended"]["exit_code"] == 0
        assert ended["head"] == 7
        assert watcher.hear() is None


async def test_a_watcher_can_do_all_that_an_engine_can(attempt: Attended, folder: Path) -> None:
    with peer(folder) as watcher:
        for command in ("pause", "resume"):
            assert watcher.ask(do=command) == {"id": 7}
        data = base64.b64encode(b"x").decode()
        assert watcher.ask(do="write", data=data) == {"id": 7}
        assert watcher.ask(do="stop", reason="cancel", now=False) == {"id": 7}

    assert (await attempt.wait()).ended_by is EndedBy.CANCEL


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"do": "fly"}\n',
        b'{"do": []}\n',
        b"\xff\xfe\n",
        b'{"do": "stop"}\n',
        b'{"do": "hello"}\n',
        b'{"do": "write", "data": "%%%"}\n',
        b'{"do": "write", "data": 5}\n',
        b'{"do": "judged"}\n',
        b"9" * 10_000 + b"\n",
    ],
)
async def test_nonsense_is_refused_and_harms_nobody(
    attempt: Attended, folder: Path, line: bytes
) -> None:
    with peer(folder) as watcher:
        watcher.stream.sendall(line)
        answer = watcher.hear()
        assert answer is not None
        assert "error" in answer

        assert watcher.ask(do="hello", role="watcher")["head"] == attempt.head


async def test_who_sends_a_line_without_end_is_left(attempt: Attended, folder: Path) -> None:
    endless = b"x" * 100 * MAX_LINE_BYTES
    with peer(folder) as watcher, pytest.raises((BrokenPipeError, ConnectionResetError)):
        watcher.stream.sendall(endless)

    assert await attempt.write_stdin(b"y")


async def test_there_are_only_so_many_connections(attempt: Attended, folder: Path) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        peers = [stack.enter_context(peer(folder)) for _ in range(MAX_CONNECTIONS - 1)]
        for one in peers:
            one.ask(do="hello", role="watcher")
        one_too_many = stack.enter_context(peer(folder))

        assert one_too_many.hear() is None
        assert peers[0].ask(do="hello", role="watcher")["pid"] == attempt.pid


async def test_news_is_not_queued_for_who_does_not_read(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = (
        Script()
        .wait_for_file(folder.parent / "gate")
        .lines(200_000, width_bytes=10, one_write_each=True)
    )
    attempt = await supervision.start(launch(script, folder), folder)
    supervisor = claim_of(folder).supervisor
    with peer(folder) as watcher:
        watcher.ask(do="hello", role="watcher")
        before = memory_kib(supervisor)
        (folder.parent / "gate").touch()
        while attempt.head < 1_900_000:
            await attempt.changed(beyond=attempt.head)
        assert memory_kib(supervisor) - before < 1024
        executed = await attempt.wait()

        last = {}
        while (news := watcher.hear()) is not None:
            last = news
        assert last["head"] == executed.output_bytes == 2_000_000


async def test_who_asks_and_does_not_listen_is_left(attempt: Attended, folder: Path) -> None:
    with peer(folder) as watcher:
        question = b'{"id": 1, "do": "hello", "role": "watcher"}\n' * 100
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            watcher.stream.sendall(question * 10_000)

    assert await attempt.write_stdin(b"y")


async def test_a_watcher_does_not_count_as_an_engine(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script().line("up").hang()
    attempt = await supervision.start(
        launch(script, folder, timers=Timers(orphan_grace_s=0.2)), folder
    )
    with peer(folder) as watcher:
        watcher.ask(do="hello", role="watcher")
        await attempt.aclose()

        await until((folder / layout.OUTCOME).exists)

    found = await supervision.adopt(folder)
    assert isinstance(found, Executed)
    assert found.ended_by is EndedBy.ORPHANED


async def test_an_engine_whose_process_is_dead_does_not_count_though_its_socket_lives(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script().line("up").hang()
    attempt = await supervision.start(
        launch(script, folder, timers=Timers(orphan_grace_s=0.2)), folder
    )
    with peer(folder) as holder:
        dead = os.fork()
        if dead == 0:
            os._exit(0)
        holder.ask(do="hello", role="engine", pid=dead)
        await attempt.aclose()
        await asyncio.to_thread(os.waitpid, dead, 0)

        await until((folder / layout.OUTCOME).exists)

    found = await supervision.adopt(folder)
    assert isinstance(found, Executed)
    assert found.ended_by is EndedBy.ORPHANED


async def test_an_engine_that_was_left_by_mistake_comes_back(
    attempt: Attended, folder: Path
) -> None:
    wire = attempt._wire
    assert wire is not None

    wire.close()

    assert await attempt.write_stdin(b"more")
    await attempt.changed(beyond=6)
    await attempt.pause()
    await attempt.resume()
    await attempt.close_stdin()
    assert (await attempt.wait()).exit_code == 0
    assert captured(folder) == b"up\nmore"


async def test_a_slow_engine_is_told_the_newest_head(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script().lines(100_000, width_bytes=10, one_write_each=True)
    attempt = await supervision.start(launch(script, folder), folder)

    time.sleep(0.3)  # noqa: ASYNC251  # the engine is what does not read

    assert (await attempt.wait()).output_bytes == attempt.head == 1_000_000
