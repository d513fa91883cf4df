"""What is handed to the process floor: a pure value, made by an agent's dialect."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in seconds, enforced by the supervisor. None: that timer does not run.

    Pauses stop all of them but the last three.

    Attributes:
        total_s: From exec to the end.
        start_s: From exec to the first progress.
        first_byte_s: From exec to the first byte of output.
        idle_s: Without progress. Bytes that the engine has not judged yet count as progress;
            bytes that it has judged count only if it said so. Time for which it gave an excuse does
            not count, and a tree that uses the processor is not idle.
        grace_s: How long the process may stay after the engine said that the work is finished.
        cap_s: From exec to the end, pauses included.
        max_paused_s: All pauses together.
        orphan_grace_s: How long the tree lives on when no engine is attached.
    """

    total_s: float | None = None
    start_s: float | None = None
    first_byte_s: float | None = None
    idle_s: float | None = None
    grace_s: float = 10.0
    cap_s: float | None = None
    max_paused_s: float | None = None
    orphan_grace_s: float = 0.0


class StopRung(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the stop ladder: do `action`, then wait `grace_s` for the child to end.

    Attributes:
        action: `stdin` (close it), `interrupt` (SIGINT), `terminate` (SIGTERM), `kill`.
    """

    action: str
    grace_s: float


#: SIGINT first would make Claude Code exit 0 with a result that says "aborted"; TERM is what it
#: cleans up after. Both reach only the child itself; the tree is swept afterwards in any case.
DEFAULT_LADDER = (
    StopRung(action="terminate", grace_s=3.0),
    StopRung(action="kill", grace_s=5.0),
)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Most that one attempt may take. None: no limit. Reaching one ends the attempt.

    Attributes:
        memory_bytes: Memory of all its processes that cannot be dropped, swap included.
        processes: Processes, each of their threads counted, at once.
        file_size_bytes: Size of one file.
        disk_bytes: Disk space of the files below its workspace that it made or changed.
        files: Number of those files, folders and links.
    """

    memory_bytes: int | None = None
    processes: int | None = None
    file_size_bytes: int | None = None
    disk_bytes: int | None = None
    files: int | None = None


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One child process to be: everything the supervisor needs, nothing it must look up.

    Attributes:
        attempt_id: Also the value of the environment marker by which the tree is found.
        argv: The program's absolute path and its arguments; never a shell line.
        env: The whole environment of the child; nothing is inherited.
        cwd: Absolute path of the workspace.
        stdin: What the child reads; empty means `/dev/null`.
        keep_stdin_open: Keep the pipe open after `stdin` so that more can be written.
        judged: Whether an engine judges progress; without, every byte counts as progress.
        output_limit_bytes: The tree is stopped when its output exceeds this. None: no limit.
        bounds: Most that its tree may take.
        containment: `auto`, or `cgroup` / `scan` to force one class of tree control.
    """

    attempt_id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    stdin: bytes = b""
    keep_stdin_open: bool = False
    judged: bool = False
    timers: Timers = Timers()
    ladder: tuple[StopRung, ...] = DEFAULT_LADDER
    output_limit_bytes: int | None = None
    bounds: Bounds = Bounds()
    containment: str = "auto"
