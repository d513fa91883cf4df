"""What a bundle of evidence is: its parts, and the digests that hold them together. Pure.

A bundle is complete and closed: every part stands in its manifest with size and SHA-256, the root
digest covers all of them, and a signature covers the manifest. The output of each child is held by
a chain besides, one link for each index record, so that a fault is found in one record and not
somewhere in a gigabyte.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from cc_executor.model.events import Lifecycle
from cc_executor.model.records import AttemptRecord, ExecutionRecord, TaskRecord
from cc_executor.model.specs import TaskSpec

FORMAT: Final = "cc-executor-bundle"
VERSION: Final = 1

MANIFEST: Final = "bundle.json"
SIGNATURE: Final = "bundle.json.sig"
#: What a signature is for: one made for anything else does not fit.
SIGNATURE_NAMESPACE: Final = "cc-executor-bundle"

EXECUTION: Final = "execution.json"
TASKS: Final = "tasks.jsonl"
ATTEMPTS: Final = "attempts.jsonl"
EVENTS: Final = "events.jsonl"
#: Of each child, below `outputs/TASK.ATTEMPT/`, or `outputs/TASK.ATTEMPT-check-N/`.
OUTPUT: Final = "output"
INDEX: Final = "index"
CHAIN: Final = "chain"
OUTCOME: Final = "outcome.json"

LINK_BYTES: Final = 32
_PART: Final = re.compile(
    r"execution\.json|(tasks|attempts|events)\.jsonl"
    r"|outputs/[0-9]+\.[0-9]+(-[a-z0-9-]{1,24})?/(output|index|chain|outcome\.json)"
)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a bundle.

    Attributes:
        path: Relative to the bundle.
        sha256: Hexadecimal.
    """

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in `bundle.json`.

    Attributes:
        made_at: Seconds since the epoch, UTC.
        made_by: Program and version.
        parts: Every other file, sorted by path; not the signature.
        root: Digest over all parts, hexadecimal: who knows it knows the whole.
    """

    format: str
    version: int
    execution_id: str
    made_at: float
    made_by: str
    parts: tuple[Part, ...]
    root: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded about an execution.

    Attributes:
        attempts: Of all tasks, in order.
        events: Without gaps, from the first.
    """

    execution: ExecutionRecord
    tasks: tuple[TaskRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    events: tuple[Lifecycle, ...]

    def attempts_of(self, task_id: str) -> tuple[AttemptRecord, ...]:
        """Return the attempts of a task, first to last."""
        return tuple(one for one in self.attempts if one.task_id == task_id)


def is_part_name(path: str) -> bool:
    """Tell whether a part can have this name: no other is ever written or read."""
    return _PART.fullmatch(path) is not None


def folder_of(child_id: str) -> str:
    """Return where the output of an attempt, check or judge stands."""
    return f"outputs/{child_id.partition('.')[2]}"


def root_of(parts: Iterable[Part]) -> str:
    """Return the digest over all parts: of `SHA256  SIZE  PATH` lines, sorted by path."""
    digest = hashlib.sha256(f"{FORMAT} {VERSION}\n".encode())
    for part in sorted(parts, key=lambda one: one.path):
        digest.update(f"{part.sha256}  {part.size_bytes}  {part.path}\n".encode())
    return digest.hexdigest()


def first_link(child_id: str) -> bytes:
    """Return what the chain of a child's output begins with: no two have the same."""
    return hashlib.sha256(f"{FORMAT} {VERSION} output {child_id}\n".encode()).digest()


def next_link(link: bytes, record: bytes, data: bytes) -> bytes:
    """Return the link that follows: over the one before, the index record and its bytes."""
    return hashlib.sha256(link + record + hashlib.sha256(data).digest()).digest()


def without_secrets(evidence: Evidence) -> Evidence:
    """Return the evidence as it may be given away: no values of environment variables."""
    task_list = evidence.execution.task_list
    specs = tuple(_without_values(spec) for spec in task_list.tasks)
    return msgspec.structs.replace(
        evidence,
        execution=msgspec.structs.replace(
            evidence.execution, task_list=msgspec.structs.replace(task_list, tasks=specs)
        ),
        tasks=tuple(
            msgspec.structs.replace(task, spec=_without_values(task.spec))
            for task in evidence.tasks
        ),
    )


def _without_values(spec: TaskSpec) -> TaskSpec:
    return msgspec.structs.replace(spec, env=dict.fromkeys(spec.env, _LEFT_OUT))


_LEFT_OUT: Final = "[left out]"
