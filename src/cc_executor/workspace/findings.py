"""What the disk says of claims and expectations, after an attempt. Nothing outside is ever read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from cc_executor.model.evidence import (
    ClaimedFile,
    ExpectationFinding,
    FileFinding,
    FileVerdict,
)
from cc_executor.model.outcomes import Changes, Content
from cc_executor.model.specs import Expects
from cc_executor.model.verifying import expectations
from cc_executor.workspace.beneath import Beneath, PathRefused
from cc_executor.workspace.listing import IGNORED_FOLDERS

#: Largest file whose content is looked at.
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
#: Of all claimed files together: beyond it, the rest is as good as too big.
MAX_TOTAL_BYTES: Final = 1024 * 1024 * 1024
#: How many files that an attempt wrote are digested, and how much of them together.
MAX_DIGESTED: Final = 1000
MAX_TOTAL_DIGESTED_BYTES: Final = 256 * 1024 * 1024
#: How many files that nobody spoke of are named.
MAX_UNCLAIMED: Final = 200
_READ_BYTES: Final = 1024 * 1024
_VERDICTS: Final[Mapping[str, FileVerdict]] = {
    "missing": FileVerdict.MISSING,
    "outside": FileVerdict.OUTSIDE,
    "not_regular": FileVerdict.NOT_REGULAR,
    "too_big": FileVerdict.TOO_BIG,
}


def examine_claims(
    root: Path, claimed: Iterable[ClaimedFile], changes: Changes
) -> tuple[FileFinding, ...]:
    """Return a finding for each claim, in order, then for what was written and not claimed.

    Args:
        root: The workspace.
        claimed: What the agent named.
        changes: What is different on disk.
    """
    written = {*changes.created, *changes.modified, *changes.mode_changed}
    found: list[FileFinding] = []
    left_bytes = MAX_TOTAL_BYTES
    with Beneath(root) as inside:
        for claim in claimed:
            finding = _of_claim(inside, claim, written, changes, left_bytes)
            left_bytes -= finding.size_bytes or 0
            found.append(finding)
        silent = sorted(written - {finding.path for finding in found})[:MAX_UNCLAIMED]
        found.extend(FileFinding(path=path, verdict=FileVerdict.UNCLAIMED) for path in silent)
    return tuple(found)


def _of_claim(
    inside: Beneath, claim: ClaimedFile, written: set[str], changes: Changes, left_bytes: int
) -> FileFinding:
    path = claim.path
    try:
        path = inside.name_of(claim.path)
        descriptor = inside.open(path, max_bytes=min(MAX_FILE_BYTES, left_bytes))
    except PathRefused as refused:
        return FileFinding(
            path=path,
            verdict=_VERDICTS[refused.refusal],
            claimed=claim.how,
            reason=refused.reason,
        )
    content = _content(descriptor)
    verdict, reason = FileVerdict.OK, None
    if path not in written:
        if changes.complete and not _is_ignored(path):
            verdict, reason = FileVerdict.UNCHANGED, "this attempt did not write it"
        else:
            reason = "it is there; whether this attempt wrote it was not seen"
    return FileFinding(
        path=path,
        verdict=verdict,
        claimed=claim.how,
        reason=reason,
        size_bytes=content.size_bytes,
        sha256=content.sha256,
    )


def contents(root: Path, paths: Iterable[str]) -> dict[str, Content]:
    """Return what the regular files among `paths` hold now, within the bounds of this module.

    Raises:
        OSError: `root` cannot be opened.
    """
    found: dict[str, Content] = {}
    left_bytes = MAX_TOTAL_DIGESTED_BYTES
    with Beneath(root) as inside:
        for path in islice(paths, MAX_DIGESTED):
            try:
                descriptor = inside.open(path, max_bytes=min(MAX_FILE_BYTES, left_bytes))
            except PathRefused:  # a link, or gone, or too large: nothing is said of it
                continue
            found[path] = _content(descriptor)
            left_bytes = max(left_bytes - found[path].size_bytes, 0)
    return found


def examine_contents(root: Path, held: Mapping[str, Content | None]) -> dict[str, str | None]:
    """Return by path why a file is not as it was; None where it is.

    Args:
        root: The workspace.
        held: What each file held; None: it was not there.

    Raises:
        OSError: `root` cannot be opened.
    """
    with Beneath(root) as inside:
        return {path: _difference(inside, path, content) for path, content in held.items()}


def _difference(inside: Beneath, path: str, held: Content | None) -> str | None:
    try:
        if held is None:
            return "it was gone, and is there again" if inside.is_there(path) else None
        now = _content(inside.open(path, max_bytes=MAX_FILE_BYTES))
    except PathRefused as refused:
        return refused.reason
    return None if now == held else "its content is another one"


def _content(descriptor: int) -> Content:
    """Return size and SHA-256 of what a descriptor reads, and close it."""
    digest, size = hashlib.sha256(), 0
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while piece := file.read(_READ_BYTES):
            size += len(piece)
            digest.update(piece)
            if size > MAX_FILE_BYTES:  # it grows while it is read
                break
    return Content(size, digest.hexdigest())


def _is_ignored(path: str) -> bool:
    return not IGNORED_FOLDERS.isdisjoint(path.split("/")[:-1])


# --- expectations ------------------------------------------------------------------------------------


def examine_expectations(
    root: Path, expects: Expects, changes: Changes
) -> tuple[ExpectationFinding, ...]:
    """Return whether each line of `expects` holds, in order.

    What could not be looked at does not hold.
    """
    with Beneath(root) as inside:
        return tuple(_of_expectations(inside, expects, changes))


def _of_expectations(
    inside: Beneath, expects: Expects, changes: Changes
) -> Iterator[ExpectationFinding]:
    for kind, path, texts in expectations(expects):
        try:
            reason = _LOOKS[kind](inside, inside.name_of(path), texts, changes)
        except PathRefused as refused:
            reason = refused.reason
        yield ExpectationFinding(kind=kind, path=path, ok=reason is None, reason=reason)


def _look_at_file(inside: Beneath, path: str, _: tuple[str, ...], __: Changes) -> str | None:
    inside.facts(path)
    return None


def _look_for_nothing(inside: Beneath, path: str, _: tuple[str, ...], __: Changes) -> str | None:
    return "it is there" if inside.is_there(path) else None


def _look_for_texts(inside: Beneath, path: str, texts: tuple[str, ...], _: Changes) -> str | None:
    with os.fdopen(inside.open(path, max_bytes=MAX_FILE_BYTES), "rb") as file:
        content = file.read(MAX_FILE_BYTES)
    missing = [text for text in texts if text.encode() not in content]
    return f"it does not contain {missing[0]!r}" if missing else None


def _look_for_changes(_: Beneath, path: str, __: tuple[str, ...], changes: Changes) -> str | None:
    everything = (
        ("created", changes.created),
        ("modified", changes.modified),
        ("deleted", changes.deleted),
        ("given other permissions", changes.mode_changed),
    )
    for what, paths in everything:
        touched = [one for one in paths if one == path or one.startswith(f"{path}/")]
        if touched:
            return f"{touched[0]} was {what}"
    if not changes.complete:
        return "not everything could be compared"
    if _is_ignored(f"{path}/"):
        return "it lies where nothing is compared"
    return None


_Look = Callable[[Beneath, str, tuple[str, ...], Changes], str | None]
_LOOKS: Final[Mapping[str, _Look]] = {
    "files": _look_at_file,
    "absent": _look_for_nothing,
    "contains": _look_for_texts,
    "unchanged": _look_for_changes,
}
