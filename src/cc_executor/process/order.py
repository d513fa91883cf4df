"""What a supervisor is told to do: `model.launch.Launch` as it travels, in plain JSON values.

Standard library only: supervisors import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Timers(NamedTuple):
    """See `model.launch.Timers`."""

    total_s: float | None
    start_s: float | None
    first_byte_s: float | None
    idle_s: float | None
    grace_s: float
    cap_s: float | None
    max_paused_s: float | None
    orphan_grace_s: float


class Rung(NamedTuple):
    """See `model.launch.StopRung`."""

    action: str
    grace_s: float


class Bounds(NamedTuple):
    """See `model.launch.Bounds`."""

    memory_bytes: int | None = None
    processes: int | None = None
    file_size_bytes: int | None = None
    disk_bytes: int | None = None
    files: int | None = None


class Order(NamedTuple):
    """See `model.launch.Launch`.

    Attributes:
        folder: Absolute path of the attempt folder.
        has_stdin: Whether the folder holds a `stdin` file.
        engine_pid: Process that the lifeline belongs to.
    """

    folder: str
    attempt_id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    has_stdin: bool
    keep_stdin_open: bool
    judged: bool
    timers: Timers
    ladder: tuple[Rung, ...]
    output_limit_bytes: int | None
    bounds: Bounds
    containment: str
    engine_pid: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Order:
        """Return the order in a JSON object with one key per field.

        Raises:
            TypeError: Keys are missing or unknown.
        """
        fields = dict(value)
        fields["argv"] = tuple(fields["argv"])
        fields["timers"] = Timers(**fields["timers"])
        fields["bounds"] = Bounds(**fields["bounds"])
        fields["ladder"] = tuple(Rung(**rung) for rung in fields["ladder"])
        return cls(**fields)
