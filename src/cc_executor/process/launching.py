"""A launch on its way: the attempt folder that records it, and the order that carries it out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from cc_executor.journal import layout
from cc_executor.model.launch import Launch


def write_folder(launch: Launch, folder: Path) -> None:
    """Make the attempt folder with all that is known before the start. Blocking (files).

    The values of environment variables stay out of it: they may be secrets, and the order brings
    them to the supervisor without a file.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(mode=layout.FOLDER_MODE, parents=True, exist_ok=True)
    facts = _values(launch)
    facts["env"] = sorted(launch.env)
    facts["stdin_bytes"] = len(launch.stdin)
    _write(folder / layout.LAUNCH, json.dumps(facts).encode() + b"\n")
    if launch.stdin:
        _write(folder / layout.STDIN, launch.stdin)


def order(launch: Launch, folder: Path) -> bytes:
    """Return the line that tells a supervisor what to do: the fields of `process.order.Order`."""
    values = _values(launch)
    values["folder"] = str(folder.absolute())
    values["has_stdin"] = bool(launch.stdin)
    values["engine_pid"] = os.getpid()
    return json.dumps(values).encode() + b"\n"


def _values(launch: Launch) -> dict[str, Any]:
    timers = launch.timers
    return {
        "attempt_id": launch.attempt_id,
        "argv": launch.argv,
        "env": dict(launch.env),
        "cwd": launch.cwd,
        "keep_stdin_open": launch.keep_stdin_open,
        "judged": launch.judged,
        "timers": {
            "total_s": timers.total_s,
            "start_s": timers.start_s,
            "first_byte_s": timers.first_byte_s,
            "idle_s": timers.idle_s,
            "grace_s": timers.grace_s,
            "cap_s": timers.cap_s,
            "max_paused_s": timers.max_paused_s,
            "orphan_grace_s": timers.orphan_grace_s,
        },
        "ladder": [{"action": rung.action, "grace_s": rung.grace_s} for rung in launch.ladder],
        "output_limit_bytes": launch.output_limit_bytes,
        "bounds": msgspec.structs.asdict(launch.bounds),
        "containment": launch.containment,
    }


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, layout.FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
