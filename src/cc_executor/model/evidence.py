"""What checking gave, piece by piece: files, expectations, checks, a judge.

Each piece says what it is about, whether it holds and, where it does not, why. A piece that could
not be looked at does not hold: checking fails closed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class FileVerdict(StrEnum):
    """What the disk says of a path that the agent named, or should have named."""

    OK = "ok"  # a regular file that this attempt wrote
    MISSING = "missing"
    UNCHANGED = "unchanged"  # it is there, but this attempt did not write it
    OUTSIDE = "outside"  # it does not lie in the workspace, or only through a link or a mount
    NOT_REGULAR = "not_regular"  # a folder, a link, a FIFO, a device, or a file with two names
    TOO_BIG = "too_big"
    UNCLAIMED = "unclaimed"  # this attempt wrote it and the agent did not say so


#: Verdicts that contradict what the agent said.
REFUTING = frozenset(FileVerdict) - {FileVerdict.OK, FileVerdict.UNCLAIMED}


class ClaimedFile(msgspec.Struct, frozen=True):
    """A path that the agent named in its answer, as it wrote it."""

    path: str
    how: Literal["created", "modified"]


class FileFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, as claimed and as found.

    Attributes:
        path: Relative to the workspace where it lies in there, else as the agent wrote it.
        claimed: What the agent said it did with it; None when it said nothing.
        reason: Why the verdict is not `ok`.
        sha256: Of the content that was looked at, hexadecimal.
    """

    path: str
    verdict: FileVerdict
    claimed: Literal["created", "modified"] | None = None
    reason: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class ExpectationFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of `expects`, and whether it holds.

    Attributes:
        kind: `files`, `absent`, `contains` or `unchanged`.
        reason: Why it does not hold.
    """

    kind: str
    path: str
    ok: bool
    reason: str | None = None


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check that was run.

    Attributes:
        argv: As the task list says.
        attempt_id: Under which its whole output is kept; None when it could not be started.
        output_tail: The last of what it said, at most 4,000 characters.
        reason: Why it did not pass.
    """

    argv: tuple[str, ...]
    ok: bool
    exit_code: int | None = None
    duration_s: float | None = None
    attempt_id: str | None = None
    output_tail: str = ""
    reason: str | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a fresh agent made of the work, asked by `validation_prompt`.

    Attributes:
        ok: Only when it said so in the form it was asked for.
        reason: In the judge's words, or why there is no judgement.
        attempt_id: Under which its output is kept.
        cost_usd: What asking has cost; None, as the rest, where nobody knows.
    """

    ok: bool
    reason: str
    attempt_id: str | None = None
    cost_usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    duration_s: float | None = None
