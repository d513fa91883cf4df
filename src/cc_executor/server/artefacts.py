"""Files that tasks have written, for who may see their execution: listed, and read piece by piece."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from cc_executor.errors import ArtefactNotFound
from cc_executor.model.principals import Principal
from cc_executor.model.results import ExecutionResult, TaskResult
from cc_executor.server.desk import Desk
from cc_executor.workspace.beneath import Beneath, PathRefused

_PIECE_BYTES: Final = 64 * 1024


class Artefact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a task has created or modified, as it was recorded when the task ended.

    Attributes:
        path: Relative to the task's workspace.
        change: `created` or `modified`.
        size: In bytes; null where it was not recorded (too large, or one of too many).
        sha256: Of the content then; null as `size`. What is fetched is what is there now.
    """

    task_id: str
    path: str
    change: str
    size: int | None
    sha256: str | None


class Opened(NamedTuple):
    """An open file, to be closed by who has it."""

    descriptor: int
    size: int
    artefact: Artefact


class Artefacts:
    """Reads what the desk allows. Only what an outcome names can be had, whatever else lies there.

    Args:
        desk: Says whose an execution is.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, who: Principal, execution_id: str) -> list[Artefact]:
        """Return all files that the tasks of an execution have written, in list order.

        Raises:
            ExecutionNotFound: There is none, or it is somebody else's.
        """
        execution = await self._desk.get(who, execution_id)
        return [artefact for task in execution.tasks for artefact in _of(task)]

    async def open(
        self, who: Principal, execution_id: str, path: str, *, task_id: str | None
    ) -> Opened:
        """Open a file as it is now.

        Args:
            who: Who asks.
            execution_id: Whose file.
            path: As listed.
            task_id: Which task's; None: the last one that has written it.

        Raises:
            ExecutionNotFound: There is none, or it is somebody else's.
            ArtefactNotFound: No task has written it, or it cannot be read any more.
        """
        execution = await self._desk.get(who, execution_id)
        for task in reversed(execution.tasks):
            for artefact in _of(task):
                if artefact.path == path and task_id in (None, task.task_id):
                    root = _root(execution, task, path)
                    return await asyncio.to_thread(_open, root, artefact)
        raise ArtefactNotFound(path, "no task has written it")


async def pieces(opened: Opened, start: int, length: int) -> AsyncIterator[bytes]:
    """Yield part of a file, and close it; what is missing at its end by then is left out."""
    try:
        while length > 0:
            piece = await asyncio.to_thread(
                os.pread, opened.descriptor, min(length, _PIECE_BYTES), start
            )
            if not piece:
                return
            yield piece
            start += len(piece)
            length -= len(piece)
    finally:
        os.close(opened.descriptor)


def _of(task: TaskResult) -> list[Artefact]:
    if task.outcome is None:
        return []
    changes = task.outcome.changes
    found = []
    for change, paths in (("created", changes.created), ("modified", changes.modified)):
        for path in paths:
            content = changes.contents.get(path)
            found.append(
                Artefact(
                    task_id=task.task_id,
                    path=path,
                    change=change,
                    size=content.size_bytes if content is not None else None,
                    sha256=content.sha256 if content is not None else None,
                )
            )
    return found


def _root(execution: ExecutionResult, task: TaskResult, path: str) -> Path:
    """Return the directory that the task's paths are relative to."""
    ground = task.outcome.ground if task.outcome is not None else None
    if ground is not None:
        if ground.path is None:
            where = f"it is on branch {ground.branch}" if ground.branch else "its copy is gone"
            raise ArtefactNotFound(path, where)
        return Path(ground.path)
    return Path(task.record.spec.workspace or execution.record.task_list.workspace)


def _open(root: Path, artefact: Artefact) -> Opened:
    try:
        with Beneath(root) as directory:
            descriptor = directory.open(artefact.path)
    except PathRefused as refusal:
        raise ArtefactNotFound(artefact.path, refusal.reason) from None
    except OSError as error:
        raise ArtefactNotFound(
            artefact.path, f"its workspace is not there: {error.strerror}"
        ) from (error)
    return Opened(descriptor, os.fstat(descriptor).st_size, artefact)
