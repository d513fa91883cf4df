"""The timers of a task: what each measures, and how an outcome tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One timer of an attempt.

    Attributes:
        name: A key of `TIMERS`.
        bound_s: Its bound in seconds, None when it was only measured.
        ran_s: How long it ran, in seconds; 0 when it never did. Of `idle` and `orphan`, which start
            anew, the longest stretch.
        expired: Whether it is what ended the attempt.
    """

    name: str
    bound_s: float | None
    ran_s: float
    expired: bool = False


#: Which time each timer measures, in the order in which they begin to matter.
TIMERS: Final[Mapping[str, str]] = {
    "queue": "from the submit to the start of the first attempt",
    "start": "from the start of the program to its first sign of life: the first output that is "
    "progress; of a plain program every byte is",
    "first_byte": "from the start of the program to its first byte on either stream",
    "idle": "without progress; time that is excused does not count",
    "grace": "from the result to the end of the program",
    "total": "from the start of the program on, without pauses",
    "cap": "from the start of the program on, with everything: the hard cap",
    "paused": "of all pauses together",
    "orphan": "without any engine attached",
}
