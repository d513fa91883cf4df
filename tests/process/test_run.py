from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cc_executor.errors import NotResponding, SpawnFailed
from cc_executor.process.run import Ran, run_subprocess, run_subprocess_async
from tests.process.support import is_alive, until

TALK = "import sys; sys.stdout.write('out'); sys.stderr.write('err'); sys.exit(7)"


async def test_a_program_is_run_to_its_end_and_its_streams_are_kept_apart() -> None:
    ran = await run_subprocess_async((sys.executable, "-c", TALK), 20)

    assert ran == Ran(exit_code=7, stdout=b"out", stderr=b"err")


def test_there_is_the_same_for_where_no_event_loop_is() -> None:
    ran = run_subprocess((sys.executable, "-c", TALK), 20)

    assert ran == Ran(exit_code=7, stdout=b"out", stderr=b"err")


async def test_the_twin_works_in_a_thread_of_a_program_that_has_a_loop() -> None:
    ran = await asyncio.to_thread(run_subprocess, ("/bin/echo", "hi"), 20)

    assert ran.stdout == b"hi\n"


async def test_environment_and_folder_are_as_given(tmp_path: Path) -> None:
    ran = await run_subprocess_async(("/usr/bin/env",), 20, env={"A": "b"})
    assert ran.stdout == b"A=b\n"

    ran = await run_subprocess_async(("/bin/pwd",), 20, cwd=str(tmp_path))
    assert ran.stdout.decode().strip() == str(tmp_path)


async def test_output_beyond_the_bound_is_thrown_away() -> None:
    program = "import os; os.write(1, b'x' * 3_000_000); os.write(2, b'done')"

    ran = await run_subprocess_async((sys.executable, "-c", program), 20, max_output_bytes=1000)

    assert ran == Ran(exit_code=0, stdout=b"x" * 1000, stderr=b"done")


async def test_what_takes_too_long_is_killed_with_its_group(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, signal;"
        "child = subprocess.Popen(['/bin/sleep', '60']);"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}\\n');"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    )

    with pytest.raises(NotResponding) as refused:
        await run_subprocess_async((sys.executable, "-c", program, str(note)), 1)

    assert refused.value.waited_s == 1
    pids = [int(pid) for pid in note.read_text().split()]
    await until(lambda: not any(map(is_alive, pids)))


async def test_a_cancelled_one_is_killed_first(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import os, sys, time; open(sys.argv[1], 'w').write(f'{os.getpid()}\\n'); time.sleep(60)"
    )
    running = asyncio.ensure_future(
        run_subprocess_async((sys.executable, "-c", program, str(note)), 60)
    )
    await until(lambda: note.exists() and note.read_text().endswith("\n"))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not is_alive(int(note.read_text()))


async def test_a_background_child_that_holds_stdout_does_not_hold_it_up(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import subprocess, sys;"
        "child = subprocess.Popen(['/bin/sleep', '60']);"
        "open(sys.argv[1], 'w').write(str(child.pid)); print('said')"
    )

    ran = await run_subprocess_async((sys.executable, "-c", program, str(note)), 20)

    assert ran.stdout == b"said\n"
    os.kill(int(note.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("program", ["/nowhere/program", "/etc/passwd", "nul\0byte"])
async def test_what_cannot_be_executed_is_a_typed_error(program: str) -> None:
    with pytest.raises(SpawnFailed):
        await run_subprocess_async((program,), 20)


async def test_a_death_by_signal_is_a_negative_number() -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    ran = await run_subprocess_async((sys.executable, "-c", program), 20)

    assert ran.exit_code == -signal.SIGKILL


async def test_the_event_loop_runs_on_meanwhile() -> None:
    running = asyncio.ensure_future(run_subprocess_async(("/bin/sleep", "0.2"), 20))
    turns = 0
    while not running.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert turns > 10


async def test_nothing_stays_open() -> None:
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(20):
        await run_subprocess_async(("/bin/true",), 20)
        with pytest.raises(SpawnFailed):
            await run_subprocess_async(("/nowhere",), 20)

    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


async def test_a_program_reads_the_file_that_it_is_given_else_nothing(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(b"\x00\xff\n")

    assert (await run_subprocess_async(["cat"], 10, stdin=str(given))).stdout == b"\x00\xff\n"
    assert (await run_subprocess_async(["cat"], 10)).stdout == b""
    with pytest.raises(SpawnFailed):
        await run_subprocess_async(["cat"], 10, stdin=str(tmp_path / "none"))
