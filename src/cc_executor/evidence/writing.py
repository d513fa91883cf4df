"""Making a bundle: everything that is kept of an execution, in a tar file or a folder of its own."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from cc_executor.errors import BundleRefused
from cc_executor.evidence.outputs import Child, OutputFault, links
from cc_executor.evidence.slices import Readable
from cc_executor.evidence.sources import Source
from cc_executor.model import bundles
from cc_executor.model.bundles import Evidence, Manifest, Part

_PIECE_BYTES: Final = 256 * 1024
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600

Sign = Callable[[bytes], bytes]


def write_bundle(
    evidence: Evidence,
    source: Source,
    target: Path,
    *,
    made_at: float,
    made_by: str,
    sign: Sign | None = None,
) -> Manifest:
    """Write a bundle and return its manifest. Blocking (files, as long as the output is).

    It appears at `target` whole or not at all. Values of environment variables are left out.

    Args:
        evidence: What is recorded.
        source: Where the output of its children is kept.
        target: A tar file where it ends in `.tar`, else a folder; it must not be there yet.
        made_at: Seconds since the epoch, UTC.
        made_by: Program and version.
        sign: Returns a signature over the manifest.

    Raises:
        BundleRefused: The target is there already, or cannot be written.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _refuse_taken(target)
        with _sink(target, unfinished, made_at) as sink:
            parts = tuple(sorted(_write_parts(evidence, source, sink), key=lambda one: one.path))
            manifest = Manifest(
                format=bundles.FORMAT,
                version=bundles.VERSION,
                execution_id=evidence.execution.id,
                made_at=made_at,
                made_by=made_by,
                parts=parts,
                root=bundles.root_of(parts),
            )
            content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
            signature = None if sign is None else sign(content)
            sink.add(bundles.MANIFEST, len(content), [content])
            if signature is not None:
                sink.add(bundles.SIGNATURE, len(signature), [signature])
        _refuse_taken(target)
        unfinished.rename(target)
    except OSError as error:
        problem = f"cannot be written: {error.strerror or error}"
        raise BundleRefused(str(target), problem) from error
    finally:
        _remove(unfinished)
    return manifest


def _refuse_taken(target: Path) -> None:
    if target.is_symlink() or target.exists():
        raise BundleRefused(str(target), "is there already")


def _remove(unfinished: Path) -> None:
    if unfinished.is_dir():
        shutil.rmtree(unfinished, ignore_errors=True)
    else:
        unfinished.unlink(missing_ok=True)


# --- parts -------------------------------------------------------------------------------------------


def _write_parts(evidence: Evidence, source: Source, sink: Sink) -> Iterator[Part]:
    public = bundles.without_secrets(evidence)
    yield _add(sink, bundles.EXECUTION, [msgspec.json.encode(public.execution)])
    yield _add(sink, bundles.TASKS, _lines(public.tasks))
    yield _add(sink, bundles.ATTEMPTS, _lines(public.attempts))
    yield _add(sink, bundles.EVENTS, _lines(public.events))
    for child_id in children(evidence):
        with source.child(child_id) as child:
            if child is not None:
                yield from _write_child(child_id, child, sink)


def children(evidence: Evidence) -> Iterator[str]:
    """Yield the ids of all attempts, checks and judges that may have left output."""
    for attempt in evidence.attempts:
        yield attempt.id
        if attempt.outcome is None:
            continue
        verified = attempt.outcome.verified
        yield from (one.attempt_id for one in verified.checks if one.attempt_id)
        if verified.judgement is not None and verified.judgement.attempt_id:
            yield verified.judgement.attempt_id


def _write_child(child_id: str, child: Child, sink: Sink) -> Iterator[Part]:
    folder = bundles.folder_of(child_id)
    if child.outcome is not None:
        yield _add(sink, f"{folder}/{bundles.OUTCOME}", [child.outcome])
    if not child.index.size_bytes and not child.output.size_bytes:
        return
    for name, content in ((bundles.OUTPUT, child.output), (bundles.INDEX, child.index)):
        yield _add(sink, f"{folder}/{name}", _pieces(content), size_bytes=content.size_bytes)
    try:
        chain = [link for link, _ in links(child_id, child)]
    except OutputFault:
        return  # it goes as it is: whoever examines it says what is wrong with it
    yield _add(sink, f"{folder}/{bundles.CHAIN}", [b"".join(chain)])


def _lines(records: Iterable[msgspec.Struct]) -> list[bytes]:
    return [msgspec.json.encode(record) + b"\n" for record in records]


def _pieces(content: Readable) -> Iterator[bytes]:
    for offset in range(0, content.size_bytes, _PIECE_BYTES):
        length = min(_PIECE_BYTES, content.size_bytes - offset)
        piece = content.read_at(offset, length)
        if len(piece) != length:
            raise OSError("a file became shorter while it was read")
        yield piece


def _add(sink: Sink, path: str, pieces: Iterable[bytes], *, size_bytes: int | None = None) -> Part:
    assert bundles.is_part_name(path), path
    if size_bytes is None:
        pieces = list(pieces)
        size_bytes = sum(map(len, pieces))
    digest = hashlib.sha256()

    def digested() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    sink.add(path, size_bytes, digested())
    return Part(path=path, size_bytes=size_bytes, sha256=digest.hexdigest())


# --- where they go -----------------------------------------------------------------------------------


class Sink(Protocol):
    """Takes the files of a bundle."""

    def add(self, path: str, size_bytes: int, pieces: Iterable[bytes]) -> None:
        """Write a file.

        Raises:
            OSError: It could not be written.
        """
        ...


@contextmanager
def _sink(target: Path, unfinished: Path, made_at: float) -> Iterator[Sink]:
    if target.suffix != ".tar":
        unfinished.mkdir(mode=_FOLDER_MODE)
        yield _Folder(unfinished)
        return
    with os.fdopen(os.open(unfinished, _NEW, _FILE_MODE), "wb") as file:
        # GNU's format, for outputs beyond 8 GiB; no name of ours is longer than 100 characters.
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            yield _Tar(tar, int(made_at))
        file.flush()
        os.fsync(file.fileno())


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, path: str, size_bytes: int, pieces: Iterable[bytes]) -> None:  # noqa: ARG002 - a tar wants it
        file = self._root / path
        file.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, _NEW, _FILE_MODE), "wb") as opened:
            opened.writelines(pieces)
            opened.flush()
            os.fsync(opened.fileno())


class _Tar:
    def __init__(self, tar: tarfile.TarFile, made_at_s: int) -> None:
        self._tar = tar
        self._made_at_s = made_at_s

    def add(self, path: str, size_bytes: int, pieces: Iterable[bytes]) -> None:
        entry = tarfile.TarInfo(path)
        entry.size = size_bytes
        entry.mtime = self._made_at_s
        entry.mode = _FILE_MODE
        self._tar.addfile(entry, _Joined(pieces))


class _Joined(io.RawIOBase):
    """Pieces as a file that can be read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int = -1) -> Any:  # noqa: ANN401 - as the class it overrides has it
        while size < 0 or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        end = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:end], self._rest[end:]
        return taken
