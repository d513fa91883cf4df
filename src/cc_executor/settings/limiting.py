"""The settings of what attempts may take, one by one and together."""

from __future__ import annotations

from typing import Final

from cc_executor.settings import kinds
from cc_executor.settings.setting import Setting

_MOST: Final = 100_000_000
_MIB: Final = 1 << 20


def _three_quarters_of_memory() -> int:
    from cc_executor.process.machine import total_memory_bytes

    total_bytes = total_memory_bytes()
    return 0 if total_bytes is None else max(total_bytes * 3 // 4 // _MIB, 1)


LIMITS: Final[tuple[Setting, ...]] = (
    Setting(
        "max_running",
        kinds.count(0, 10_000),
        100,
        "",
        "Most tasks of all lists together that one engine runs at once; 0: no limit.",
    ),
    Setting(
        "output_limit_mb",
        kinds.count(1, 10_000_000),
        4096,
        "MiB",
        "Most output of one attempt; beyond it the attempt is stopped.",
    ),
    Setting(
        "memory_per_task_mb",
        kinds.count(0, _MOST),
        None,
        "MiB",
        "Most memory of one attempt, all its processes together; 0: no limit. "
        "Default: three quarters of the machine's, or of its container's.",
        compute=_three_quarters_of_memory,
    ),
    Setting(
        "processes_per_task",
        kinds.count(0, 4_000_000),
        4096,
        "",
        "Most processes and threads of one attempt at once; 0: no limit.",
    ),
    Setting(
        "file_size_limit_mb",
        kinds.count(0, _MOST),
        0,
        "MiB",
        "Largest file that an attempt may write; 0: no limit.",
    ),
    Setting(
        "disk_per_task_mb",
        kinds.count(0, _MOST),
        20_480,
        "MiB",
        "Most disk space of the files that an attempt makes or changes in its workspace; "
        "0: no limit.",
    ),
    Setting(
        "files_per_task",
        kinds.count(0, 1_000_000_000),
        1_000_000,
        "",
        "Most files, folders and links that an attempt makes or changes in its workspace; "
        "0: no limit.",
    ),
    Setting(
        "memory_floor_mb",
        kinds.count(0, _MOST),
        256,
        "MiB",
        "Memory that is left to others: no attempt starts that is expected to take it.",
    ),
    Setting(
        "disk_floor_mb",
        kinds.count(0, _MOST),
        256,
        "MiB",
        "Free space of the state directory below which no attempt starts.",
    ),
)
