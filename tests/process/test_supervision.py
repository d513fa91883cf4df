from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_executor.errors import SpawnFailed
from cc_executor.journal import layout
from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import claim_of
from cc_executor.testing.scripted_agent import Script
from cc_executor.testing.scripted_agent.output import numbered_line, pattern
from tests.process.support import (
    CLASSES,
    captured,
    chunks,
    launch,
    report,
)

MIB = 1 << 20


async def test_an_exit_code_and_both_streams_are_captured(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script().line("out").line("err", stream="stderr").exit(3)

    executed = await (await supervision.start(launch(script, folder), folder)).wait()

    assert (executed.ended_by, executed.exit_code, executed.signal) == (EndedBy.EXIT, 3, None)
    assert captured(folder, "stdout") == b"out\n"
    assert captured(folder, "stderr") == b"err\n"
    assert (executed.stdout_bytes, executed.stderr_bytes, executed.output_bytes) == (4, 4, 8)
    assert executed.rung is None
    assert executed.swept == 0
    assert executed.started_at is not None
    assert executed.ended_at is not None
    assert executed.ended_at >= executed.started_at
    assert executed.duration_s is not None
    assert executed.cpu_s is not None
    assert executed.cpu_s > 0


async def test_everything_the_child_is_given_is_as_ordered(
    supervision: ProcessSupervision, folder: Path
) -> None:
    stdin = os.urandom(MIB)
    ordered = launch(
        Script().report(), folder, env={"A": "1", "EMPTY": "", "ü": "ö\n"}, stdin=stdin
    )

    attempt = await supervision.start(ordered, folder)
    await attempt.wait()
    found = report(folder)

    assert found["stdin_sha256"] == hashlib.sha256(stdin).hexdigest()
    assert found["argv"] == list(ordered.argv)
    assert found["env"].pop("CC_EXECUTOR_ATTEMPT") == "exec.1.1"
    assert found["env"].pop("CC_EXECUTOR_MARK") == f"{claim_of(folder).brand:x}"
    assert found["env"] == {"A": "1", "EMPTY": "", "ü": "ö\n"}
    assert sorted(found["open_fds"]) == ["0", "1", "2"]
    assert found["cwd"] == ordered.cwd
    assert found["pid"] == found["pgid"] == found["sid"] == attempt.pid
    assert found["umask"] == 0o022
    assert found["blocked_signals"] == []
    assert found["ignored_signals"] == []


async def test_signals_that_the_engine_blocks_or_ignores_are_not_inherited(folder: Path) -> None:
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    supervision = ProcessSupervision()
    try:
        await (await supervision.start(launch(Script().report(), folder), folder)).wait()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.signal(signal.SIGUSR1, before)
        await supervision.aclose()

    assert report(folder)["blocked_signals"] == []
    assert report(folder)["ignored_signals"] == []


async def test_without_stdin_the_child_reads_nothing(
    supervision: ProcessSupervision, folder: Path
) -> None:
    await (await supervision.start(launch(Script().report(), folder), folder)).wait()

    assert report(folder)["stdin_bytes"] == 0
    assert report(folder)["open_fds"]["0"] == os.devnull


async def test_an_open_stdin_takes_more_and_can_be_closed(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(Script().cat(), folder, stdin=b"first ", keep_stdin_open=True)
    attempt = await supervision.start(ordered, folder)
    await attempt.changed(beyond=5)

    more = os.urandom(300_000)
    assert await attempt.write_stdin(more)
    await attempt.close_stdin()

    executed = await attempt.wait()
    assert captured(folder) == b"first " + more
    assert executed.exit_code == 0
    assert not await attempt.write_stdin(b"too late")


async def test_a_child_that_reads_nothing_bounds_what_can_be_written(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(Script().line("up").hang(), folder, keep_stdin_open=True)
    attempt = await supervision.start(ordered, folder)

    assert not await attempt.write_stdin(bytes(4 * MIB))

    assert await supervision.adopt(folder) is not None  # the supervisor is well
    await attempt.stop(StopReason.CANCEL, now=True)
    await attempt.wait()


@pytest.mark.parametrize("length", [1, 65_536, 3 * MIB + 1])
async def test_binary_output_is_captured_byte_for_byte(
    supervision: ProcessSupervision, folder: Path, length: int
) -> None:
    script = Script().binary(length).binary(length, stream="stderr")

    await (await supervision.start(launch(script, folder), folder)).wait()

    expected = hashlib.sha256((bytes(range(256)) * (length // 256 + 1))[:length]).digest()
    assert hashlib.sha256(captured(folder, "stdout")).digest() == expected
    assert hashlib.sha256(captured(folder, "stderr")).digest() == expected


async def test_characters_that_arrive_in_halves_are_kept_as_they_came(
    supervision: ProcessSupervision, folder: Path
) -> None:
    text = "naïve 🙂 日本"

    await (await supervision.start(launch(Script().split(text), folder), folder)).wait()

    assert captured(folder) == text.encode()
    assert len(chunks(folder)) > 1


async def test_the_order_of_stdout_and_stderr_is_kept(
    supervision: ProcessSupervision, folder: Path
) -> None:
    gates = [folder.parent / f"gate-{number}" for number in range(10)]
    script = Script()
    for number, gate in enumerate(gates):
        stream = ("stdout", "stderr")[number % 2]
        script = script.line(str(number), stream=stream).wait_for_file(gate)

    attempt = await supervision.start(launch(script, folder), folder)
    for number, gate in enumerate(gates):
        await attempt.changed(beyond=2 * number)
        gate.touch()
    await attempt.wait()

    assert captured(folder) == b"".join(b"%d\n" % number for number in range(10))


async def test_a_quarter_gibibyte_in_one_line_costs_no_memory(
    supervision: ProcessSupervision, folder: Path, tmp_path: Path
) -> None:
    length = 256 * MIB
    gate = tmp_path / "gate"
    script = Script().big_line(length).wait_for_file(gate)
    attempt = await supervision.start(launch(script, folder), folder)
    while attempt.head < length + 1:
        await attempt.changed(beyond=attempt.head)
    supervisor = json.loads((folder / layout.LOCK).read_text())[0]
    status = Path(f"/proc/{supervisor}/status").read_text()
    gate.touch()
    executed = await attempt.wait()

    peak_kib = int(
        next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
    )
    assert peak_kib < 24 * 1024
    assert executed.output_bytes == length + 1
    expected = hashlib.sha256()
    for block in pattern(length):
        expected.update(block)
    expected.update(b"\n")
    found = hashlib.sha256()
    with (folder / layout.OUTPUT).open("rb") as output:
        while block := output.read(MIB):
            found.update(block)
    assert found.hexdigest() == expected.hexdigest()


async def test_a_hundred_thousand_small_writes_are_all_there(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script().lines(100_000, width_bytes=10, one_write_each=True)

    executed = await (await supervision.start(launch(script, folder), folder)).wait()

    assert executed.output_bytes == 1_000_000
    assert captured(folder) == b"".join(numbered_line(number, 10) for number in range(100_000))


@pytest.mark.parametrize(
    ("name", "content", "mode", "says"),
    [
        ("missing", None, 0, "No such file"),
        ("forbidden", b"#!/bin/true\n", 0o644, "Permission denied"),
        ("nonsense", b"\x00\x01\x02", 0o755, "Exec format"),
        ("noshebang", b"echo hi\n", 0o755, "Exec format"),
        ("badinterpreter", b"#!/nowhere/at/all\n", 0o755, "No such file"),
    ],
)
async def test_what_cannot_be_executed_is_an_outcome_with_the_reason(
    supervision: ProcessSupervision,
    folder: Path,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    mode: int,
    says: str,
) -> None:
    program = tmp_path / name
    if content is not None:
        program.write_bytes(content)
        program.chmod(mode)

    executed = await (await supervision.start(launch((str(program),), folder), folder)).wait()

    assert executed.ended_by is EndedBy.START
    assert executed.error is not None
    assert says in executed.error
    assert str(program) in executed.error
    assert (executed.exit_code, executed.signal, executed.output_bytes) == (None, None, 0)


async def test_too_many_arguments_are_an_outcome(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/true", "x" * 200_000), folder)

    executed = await (await supervision.start(ordered, folder)).wait()

    assert executed.ended_by is EndedBy.START
    assert "too long" in str(executed.error)


async def test_a_nul_byte_in_an_argument_is_an_outcome(
    supervision: ProcessSupervision, folder: Path
) -> None:
    executed = await (await supervision.start(launch(("/bin/true", "a\0b"), folder), folder)).wait()

    assert executed.ended_by is EndedBy.START
    assert "null byte" in str(executed.error)


async def test_arguments_that_are_no_utf8_arrive_as_they_are(
    supervision: ProcessSupervision, folder: Path
) -> None:
    weird = os.fsdecode(b"\xff\xfe")

    ordered = launch(("/bin/echo", "-n", weird), folder, env={"LC_ALL": "C"})
    await (await supervision.start(ordered, folder)).wait()

    assert captured(folder) == b"\xff\xfe"


async def test_a_missing_workspace_is_an_outcome(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/true",), folder)
    Path(ordered.cwd).rmdir()

    executed = await (await supervision.start(ordered, folder)).wait()

    assert executed.ended_by is EndedBy.START
    assert ordered.cwd in str(executed.error)


async def test_an_order_that_is_too_large_is_refused_before_anything_is_written(
    supervision: ProcessSupervision, folder: Path
) -> None:
    with pytest.raises(SpawnFailed, match="too many"):
        await supervision.start(launch(("/bin/true", "x" * (17 * MIB)), folder), folder)

    assert not folder.exists()


async def test_a_folder_that_was_used_before_is_refused(
    supervision: ProcessSupervision, folder: Path
) -> None:
    await (await supervision.start(launch(("/bin/true",), folder), folder)).wait()

    with pytest.raises(SpawnFailed, match="AlreadyClaimed"):
        await supervision.start(launch(("/bin/true",), folder), folder)


async def test_a_folder_that_cannot_be_made_is_refused(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "attempt"

    with pytest.raises(SpawnFailed, match="cannot be written"):
        await supervision.start(launch(("/bin/true",), tmp_path / "x"), folder)


async def test_output_beyond_its_limit_ends_the_attempt_and_is_not_kept(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/cat", "/dev/zero"), folder, output_limit_bytes=1_000_000)

    executed = await (await supervision.start(ordered, folder)).wait()

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "output")
    assert executed.output_bytes == len(captured(folder)) == 1_000_000
    assert executed.rung == "terminate"


async def test_a_limit_that_is_exceeded_with_the_last_breath_is_told(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/echo", "0123456789"), folder, output_limit_bytes=5)

    executed = await (await supervision.start(ordered, folder)).wait()

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "output")
    assert captured(folder) == b"01234"


async def test_output_up_to_its_limit_is_fine(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/echo", "01234"), folder, output_limit_bytes=6)

    executed = await (await supervision.start(ordered, folder)).wait()

    assert executed.ended_by is EndedBy.EXIT


async def test_a_state_directory_with_a_long_path_works(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    folder = tmp_path.joinpath(*["x" * 100] * 4) / "attempt"
    folder.parent.mkdir(parents=True)
    attempt = await supervision.start(launch(Script().line("up").hang(), folder), folder)

    adopted = await supervision.adopt(folder)

    assert adopted is not None
    await attempt.stop(StopReason.CANCEL)
    assert (await attempt.wait()).ended_by is EndedBy.CANCEL


async def test_the_folder_is_for_its_owner_only_and_holds_no_secret(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/true",), folder, env={"API_KEY": "secret-value"}, stdin=b"prompt")

    await (await supervision.start(ordered, folder)).wait()

    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        if stat.S_ISREG(path.stat().st_mode):
            assert path.stat().st_mode & 0o777 == 0o600, path
            assert b"secret-value" not in path.read_bytes()
    assert json.loads((folder / layout.LAUNCH).read_text())["env"] == ["API_KEY"]


@pytest.mark.parametrize("containment", CLASSES)
async def test_every_class_of_containment_can_be_asked_for(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    ordered = launch(("/bin/cat", "/proc/self/cgroup"), folder, containment=containment)

    executed = await (await supervision.start(ordered, folder)).wait()

    assert executed.exit_code == 0
    assert (b"cc-executor-" in captured(folder)) == (containment != "scan")


async def test_a_class_of_containment_that_is_not_there_is_refused(
    supervision: ProcessSupervision, folder: Path
) -> None:
    with pytest.raises(SpawnFailed, match="is not available"):
        await supervision.start(launch(("/bin/true",), folder, containment="moat"), folder)


async def test_a_helper_timer_never_counts_before_its_start(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/bin/true",), folder, timers=Timers(total_s=60, start_s=60, idle_s=60))

    executed = await (await supervision.start(ordered, folder)).wait()

    assert executed.ended_by is EndedBy.EXIT


async def test_a_full_disk_ends_the_attempt_and_the_outcome_still_finds_room(
    supervision: ProcessSupervision, folder: Path
) -> None:
    gate = folder.parent / "gate"
    script = Script().line("up").wait_for_file(gate).big_line(MIB).line("end").hang()
    attempt = await supervision.start(launch(script, folder), folder)
    await attempt.changed(beyond=0)
    supervisor = claim_of(folder).supervisor
    resource.prlimit(supervisor, resource.RLIMIT_FSIZE, (16_384, 16_384))
    gate.touch()

    executed = await attempt.wait()

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "disk")
    assert executed.error == os.strerror(errno.EFBIG)
    assert executed.output_bytes == len(captured(folder)) <= 16_384
    assert captured(folder).startswith(b"up\n")
    assert await supervision.adopt(folder) == executed


async def test_a_supervisor_that_fails_ends_its_tree_and_says_so(
    supervision: ProcessSupervision, folder: Path
) -> None:
    nonsense: dict[str, str] = {"A": 5}  # type: ignore[dict-item]  # what no type checker lets by

    attempt = await supervision.start(launch(("/bin/true",), folder, env=nonsense), folder)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.LOST
    assert "TypeError" in str(executed.error)
    assert await supervision.adopt(folder) == executed


async def test_an_order_that_a_supervisor_does_not_understand_starts_nothing(
    supervision: ProcessSupervision, folder: Path
) -> None:
    nonsense: Any = 5
    ordered = msgspec.structs.replace(launch(("/bin/true",), folder), argv=nonsense)

    with pytest.raises(SpawnFailed, match="died before there was a child"):
        await supervision.start(ordered, folder)

    assert await supervision.adopt(folder) is None
