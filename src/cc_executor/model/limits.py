"""What one attempt may take: as a task asks for it, and as it holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from cc_executor.errors import InvalidSpec
from cc_executor.model.launch import Bounds

_MIB: Final = 1 << 20
#: Below these not even a small program starts; above, the unit was mistaken.
_LEAST: Final[Mapping[str, int]] = {"memory_mb": 8, "processes": 2}
_MOST: Final = 1_000_000_000


class Limits(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Most that each attempt of a task may take. None: as the settings say.

    What the settings allow is never exceeded: a task can ask for less only.

    Attributes:
        memory_mb: MiB of memory of all its processes together; pages of files do not count.
        processes: Processes at once, each of their threads counted.
        file_size_mb: MiB of one file.
        output_mb: MiB of output, both streams together.
        disk_mb: MiB of the files below its workspace that it makes or changes.
        files: Number of those files, folders and links.
    """

    memory_mb: int | None = None
    processes: int | None = None
    file_size_mb: int | None = None
    output_mb: int | None = None
    disk_mb: int | None = None
    files: int | None = None


def check_limits(limits: Limits, where: str) -> None:
    """Do nothing when every limit can be kept.

    Raises:
        InvalidSpec: With the path of the field that is wrong.
    """
    for field in Limits.__struct_fields__:
        limit, least = getattr(limits, field), _LEAST.get(field, 1)
        if limit is not None and not least <= limit <= _MOST:
            raise InvalidSpec(f"{where}.{field}", f"must be from {least} to {_MOST:,}")


def bounds(limits: Limits, most: Bounds) -> Bounds:
    """Return what holds for an attempt: what was asked for, within what is allowed."""
    return Bounds(
        memory_bytes=_least(_bytes(limits.memory_mb), most.memory_bytes),
        processes=_least(limits.processes, most.processes),
        file_size_bytes=_least(_bytes(limits.file_size_mb), most.file_size_bytes),
        disk_bytes=_least(_bytes(limits.disk_mb), most.disk_bytes),
        files=_least(limits.files, most.files),
    )


def output_limit_bytes(limits: Limits, most: int | None) -> int | None:
    """Return how much output an attempt may have."""
    return _least(_bytes(limits.output_mb), most)


def _bytes(size_mb: int | None) -> int | None:
    return None if size_mb is None else size_mb * _MIB


def _least(asked: int | None, most: int | None) -> int | None:
    return min((one for one in (asked, most) if one is not None), default=None)
