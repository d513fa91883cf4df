"""Reading a bundle that somebody else may have made: bounded, in its place, nothing unpacked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from cc_executor.errors import BundleRefused
from cc_executor.evidence.outputs import Child
from cc_executor.evidence.slices import Empty, Readable, Slice
from cc_executor.evidence.sources import MAX_OUTCOME_BYTES
from cc_executor.evidence.tar import TarFault, members
from cc_executor.model import bundles
from cc_executor.model.bundles import Evidence, Manifest
from cc_executor.model.events import Lifecycle
from cc_executor.model.proofs import Proof, proof
from cc_executor.model.records import AttemptRecord, ExecutionRecord, TaskRecord
from cc_executor.workspace.beneath import Beneath, PathRefused
from cc_executor.workspace.listing import listing

MAX_MANIFEST_BYTES: Final = 64 * 1024 * 1024
MAX_RECORDS_BYTES: Final = 1024 * 1024 * 1024
MAX_LINE_BYTES: Final = 64 * 1024 * 1024
MAX_SIGNATURE_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 1024 * 1024
#: Of one kind, in one bundle.
_MOST_FAULTS: Final = 50
_RECORDS: Final = (bundles.EXECUTION, bundles.TASKS, bundles.ATTEMPTS, bundles.EVENTS)
_ALL_PARTS: Final = "its parts are those that bundle.json tells of"

_T = TypeVar("_T")


class Bundle:
    """A bundle, open for reading. Implements `evidence.sources.Source`. Blocking (files).

    Attributes:
        manifest_bytes: As a signature covers it.
        signature: None: it has none.
        proofs: What its digests say of its parts.
        evidence: What it records; it may be a lie where a proof does not hold.
    """

    def __init__(
        self, path: Path, files: Mapping[str, Readable], faults: Mapping[str, str]
    ) -> None:
        self._path = path
        self._files = files
        self.manifest_bytes = self._whole(bundles.MANIFEST, MAX_MANIFEST_BYTES)
        self.manifest = self._manifest()
        signed = bundles.SIGNATURE in files
        self.signature = self._whole(bundles.SIGNATURE, MAX_SIGNATURE_BYTES) if signed else None
        self.proofs = tuple(self._proofs(faults))
        self.evidence = Evidence(
            execution=self._decoded(
                bundles.EXECUTION,
                self._whole(bundles.EXECUTION, MAX_LINE_BYTES),
                ExecutionRecord,
            ),
            tasks=self._records(bundles.TASKS, TaskRecord),
            attempts=self._records(bundles.ATTEMPTS, AttemptRecord),
            events=self._records(bundles.EVENTS, Lifecycle),
        )

    @contextmanager
    def child(self, child_id: str) -> Iterator[Child | None]:
        """Return what is kept of an attempt, check or judge; None when there is nothing of it."""
        folder = bundles.folder_of(child_id)
        names = (bundles.OUTPUT, bundles.INDEX, bundles.CHAIN, bundles.OUTCOME)
        output, index, chain, outcome = (self._files.get(f"{folder}/{name}") for name in names)
        if output is None and index is None and outcome is None:
            yield None
            return
        yield Child(
            output=output or Empty(),
            index=index or Empty(),
            chain=chain,
            outcome=None if outcome is None else outcome.read_at(0, MAX_OUTCOME_BYTES),
        )

    # --- the manifest --------------------------------------------------------------------------

    def _manifest(self) -> Manifest:
        manifest = self._decoded(bundles.MANIFEST, self.manifest_bytes, Manifest)
        if manifest.format != bundles.FORMAT:
            raise self._refusal(f"is no bundle: its format is {manifest.format!r}")
        if manifest.version > bundles.VERSION:
            known = f"has format {manifest.version}, this version knows {bundles.VERSION}"
            raise self._refusal(known, hint="Upgrade cc-executor.")
        return manifest

    def _proofs(self, faults: Mapping[str, str]) -> Iterator[Proof]:
        listed = {part.path: part for part in self.manifest.parts}
        root = bundles.root_of(self.manifest.parts)
        problem = None if root == self.manifest.root else f"it is {root}"
        yield proof(f"its root digest is {self.manifest.root}", problem)
        problems = dict(faults)
        if len(listed) != len(self.manifest.parts):
            problems[bundles.MANIFEST] = "it tells of one part twice"
        own = {bundles.MANIFEST, bundles.SIGNATURE}
        for path in {*self._files, *_RECORDS} - {*listed, *own}:
            problems.setdefault(path, "bundle.json does not tell of it")
        for path in listed:
            chain = path.removesuffix(bundles.OUTPUT) + bundles.CHAIN
            if path.endswith(f"/{bundles.OUTPUT}") and chain not in listed:
                problems[chain] = "it is missing"
        for path, part in listed.items():
            if (wrong := self._part_problem(path, part)) is not None:
                problems.setdefault(path, wrong)
        for path in sorted(problems)[:_MOST_FAULTS]:
            yield proof(f"{path} is as bundle.json says", problems[path])
        more = len(problems) - _MOST_FAULTS
        yield proof(_ALL_PARTS, f"{len(problems)} are not" if problems else None)
        if more > 0:
            yield proof("no more is wrong", f"{more} more are")

    def _part_problem(self, path: str, part: bundles.Part) -> str | None:
        file = self._files.get(path)
        if not bundles.is_part_name(path):
            return "no part has such a name"
        if file is None:
            return "it is missing"
        if file.size_bytes != part.size_bytes:
            return f"it has {file.size_bytes:,} bytes instead of {part.size_bytes:,}"
        digest = hashlib.sha256()
        for offset in range(0, file.size_bytes, _PIECE_BYTES):
            digest.update(file.read_at(offset, _PIECE_BYTES))
        if digest.hexdigest() != part.sha256:
            return "its content is another one (SHA-256)"
        return None

    # --- records -------------------------------------------------------------------------------

    def _records(self, path: str, kind: type[_T]) -> tuple[_T, ...]:
        return tuple(
            self._decoded(f"{path}, line {number}", line, kind)
            for number, line in enumerate(self._lines(path), start=1)
        )

    def _lines(self, path: str) -> Iterator[bytes]:
        file = self._file(path, MAX_RECORDS_BYTES)
        rest, offset = b"", 0
        while piece := file.read_at(offset, _PIECE_BYTES):
            offset += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            if len(rest) > MAX_LINE_BYTES:
                raise self._refusal(f"cannot be read: {path} has a line without an end")
        if rest:
            raise self._refusal(f"cannot be read: {path} is cut off")

    def _decoded(self, where: str, content: bytes, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise self._refusal(f"cannot be read: {where}: {error}") from None

    def _whole(self, path: str, max_bytes: int) -> bytes:
        return self._file(path, max_bytes).read_at(0, max_bytes)

    def _file(self, path: str, max_bytes: int) -> Readable:
        file = self._files.get(path)
        if file is None:
            raise self._refusal(f"is no whole bundle: {path} is missing")
        if file.size_bytes > max_bytes:
            raise self._refusal(f"cannot be read: {path} has {file.size_bytes:,} bytes")
        return file

    def _refusal(self, problem: str, *, hint: str | None = None) -> BundleRefused:
        return BundleRefused(str(self._path), problem, hint=hint)


# --- where its files are -----------------------------------------------------------------------------


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle, tar file or folder. Blocking (files).

    Raises:
        BundleRefused: It is none, or cannot be read.
    """
    with ExitStack() as opened:
        try:
            files, faults = (_of_folder if path.is_dir() else _of_tar)(path, opened)
            bundle = Bundle(path, files, faults)
        except OSError as error:
            raise BundleRefused(str(path), f"cannot be read: {error.strerror}") from error
        except ValueError as error:  # a NUL byte in its name
            raise BundleRefused(str(path), f"cannot be read: {error}") from error
        yield bundle


_Found = tuple[dict[str, Readable], dict[str, str]]


def _of_tar(path: Path, opened: ExitStack) -> _Found:
    # A FIFO would wait for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    opened.callback(os.close, descriptor)
    size_bytes = os.fstat(descriptor).st_size
    files: dict[str, Readable] = {}
    faults: dict[str, str] = {}
    try:
        for member in members(descriptor, size_bytes):
            if member.name in files:
                faults[member.name] = "it is there twice"
            elif member.problem is not None:
                faults[member.name] = member.problem
            elif not _is_known(member.name):
                faults[member.name] = "no part has such a name"
            else:
                files[member.name] = Slice(descriptor, member.start, member.size_bytes)
    except TarFault as fault:
        if bundles.MANIFEST not in files:
            problem = f"is no whole bundle: {fault.problem}"
            raise BundleRefused(str(path), problem) from None
        faults[path.name] = fault.problem
    return files, faults


def _of_folder(path: Path, opened: ExitStack) -> _Found:
    files: dict[str, Readable] = {}
    faults: dict[str, str] = {}
    inside = opened.enter_context(Beneath(path))
    found = listing(path)
    for folder, marks in found.folders.items():
        for name in marks:
            file = f"{folder}{name}"
            if not _is_known(file):
                faults[file] = "no part has such a name"
                continue
            try:
                files[file] = _LateFile(inside, file)
            except PathRefused as refused:
                faults[file] = refused.reason
    for unseen in found.unseen:
        faults[unseen] = "it could not be looked at"
    return files, faults


def _is_known(name: str) -> bool:
    return name in (bundles.MANIFEST, bundles.SIGNATURE) or bundles.is_part_name(name)


class _LateFile:
    """A file of a folder, opened whenever it is read: there may be more than can be open at once."""

    def __init__(self, inside: Beneath, name: str) -> None:
        self._inside = inside
        self._name = name
        self._size_bytes = inside.facts(name).st_size

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        try:
            descriptor = self._inside.open(self._name)
        except PathRefused:  # it was taken away meanwhile
            return b""
        try:
            return Slice(descriptor, 0, self._size_bytes).read_at(offset, length)
        finally:
            os.close(descriptor)


def found_elsewhere(evidence: Evidence, workspace: Path) -> dict[str, Path]:
    """Return by recorded workspace where it lies when the list's own is at `workspace` now."""
    top = evidence.execution.task_list.workspace
    found: dict[str, Path] = {}
    for recorded in {task.spec.workspace or top for task in evidence.tasks}:
        below = recorded[len(top) :].lstrip("/")
        if (recorded == top or recorded.startswith(f"{top}/")) and ".." not in below.split("/"):
            found[recorded] = workspace / below
    return found
