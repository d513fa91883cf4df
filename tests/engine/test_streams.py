"""Streams: live and replayed, from any cursor, the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from cc_executor.client.executor import Executor
from cc_executor.model.events import Cursor, Lifecycle, Output, StreamEvent
from cc_executor.testing.scripted_agent import Script

NOISE = (
    Script()
    .line("first")
    .line("to stderr", stream="stderr")
    .split("grün und größer", chunk_bytes=1)
    .binary(100_000)
    .lines(2_000, width_bytes=80)
    .line("last")
)


def output_of(events: list[StreamEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Output))


async def read(
    executor: Executor, execution_id: str, after: Cursor | None = None
) -> list[StreamEvent]:
    stream = executor.stream(execution_id, after=after, agent_events=False)
    return [event async for event in stream]


async def test_what_was_seen_live_is_what_is_replayed_later(executor: Executor) -> None:
    submitted = await executor.submit([{"command": NOISE.argv()}, {"command": NOISE.argv()}])

    live = await read(executor, submitted.id)
    replayed = await read(executor, submitted.id)

    assert output_of(live) == output_of(replayed)
    outcome = (await executor.get(submitted.id)).tasks[0].outcome
    assert outcome is not None
    assert outcome.executed is not None
    assert 2 * outcome.executed.output_bytes == len(output_of(live))
    kinds = [event.kind for event in live if isinstance(event, Lifecycle)]
    assert kinds == [event.kind for event in replayed if isinstance(event, Lifecycle)]
    assert kinds[0] == "execution.submitted"
    assert kinds[-1] == "execution.succeeded"


async def test_lifecycle_events_are_numbered_without_gaps(executor: Executor) -> None:
    ended = await executor.run(
        [{"command": ["true"]}, {"command": ["false"]}, {"command": ["true"]}]
    )

    events = await read(executor, ended.id)

    numbers = [event.seq for event in events if isinstance(event, Lifecycle)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_an_attempts_output_stands_between_its_start_and_its_end(executor: Executor) -> None:
    ended = await executor.run([{"command": NOISE.argv()}])

    places: dict[str, list[int]] = {"output": []}
    for place, event in enumerate(await read(executor, ended.id)):
        if isinstance(event, Output):
            places["output"].append(place)
        elif isinstance(event, Lifecycle):
            places[event.kind] = [place]

    assert places["attempt.starting"][0] < places["output"][0]
    assert places["output"][-1] < places["attempt.ended"][0]


async def test_readers_hear_of_output_without_anybody_looking_for_it(
    executor: Executor, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cc_executor.engine.watch._LOOK_S", 3600.0)
    script = Script().wait_for_file("speak").line("up").wait_for_file("end")
    submitted = await executor.submit([{"command": script.argv()}])

    async with asyncio.timeout(20):
        async for event in executor.stream(submitted.id, agent_events=False):
            if isinstance(event, Lifecycle) and event.kind == "attempt.started":
                (workspace / "speak").touch()
            if isinstance(event, Output):
                (workspace / "end").touch()

    assert (await executor.get(submitted.id)).ok


async def test_a_reader_resumes_at_any_cursor_without_gap_or_repetition(executor: Executor) -> None:
    ended = await executor.run([{"command": NOISE.argv()}, {"command": NOISE.argv()}])
    whole = await read(executor, ended.id)

    seq = 0
    chunks: dict[str, int] = {}
    for place, event in enumerate(whole):
        if isinstance(event, Lifecycle):
            seq = event.seq
        elif isinstance(event, Output):
            chunks[f"{event.task_id}.{event.attempt}"] = event.seq
        if place % max(1, len(whole) // 25) == 0:
            rest = await read(executor, ended.id, Cursor(seq=seq, chunks=dict(chunks)))
            assert output_of(rest) == output_of(whole[place + 1 :])
            assert [e for e in rest if isinstance(e, Lifecycle)] == [
                e for e in whole[place + 1 :] if isinstance(e, Lifecycle)
            ]


@pytest.mark.timeout(120)
async def test_one_line_of_256_mib_arrives_whole(executor: Executor) -> None:
    size = 256 * 1024 * 1024
    submitted = await executor.submit([{"command": Script().big_line(size).argv()}])

    digest = hashlib.sha256()
    length = 0
    async for event in executor.stream(submitted.id, agent_events=False):
        if isinstance(event, Output):
            assert event.offset == length
            digest.update(event.data)
            length += len(event.data)

    ended = await executor.wait(submitted.id)
    assert ended.ok
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.executed is not None
    assert length == outcome.executed.output_bytes
    assert length in (size, size + 1)  # with its newline


async def test_stdout_and_stderr_stay_apart_and_in_order(executor: Executor) -> None:
    script = Script()
    for number in range(20):
        stream = "stdout" if number % 2 else "stderr"
        script = script.line(f"{number}", stream=stream).delay(25)
    ended = await executor.run([{"command": script.argv()}])

    outputs = [e for e in await read(executor, ended.id) if isinstance(e, Output)]

    said = b"".join(event.data for event in outputs).split()
    assert [int(number) for number in said] == list(range(20))
    for event in outputs:
        numbers = [int(number) for number in event.data.split()]
        assert all(number % 2 == (event.stream == "stdout") for number in numbers)
