"""The file that says how an attempt ended. Standard library only: supervisors import it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any, Final

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach

_RESERVED_BYTES: Final = 4096
_UNFINISHED: Final = layout.OUTCOME + ".tmp"
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class OutcomeFile:
    """The outcome of one attempt, from the room that is reserved for it to its place.

    Args:
        folder: Path of the attempt folder, or "" for the current directory.
    """

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._fd = -1

    def reserve(self) -> None:
        """Take room on the disk for it, before there is none. Doing it again changes nothing.

        Raises:
            OSError: There is none even now.
        """
        if self._fd == -1:
            name = os.path.join(self._folder, _UNFINISHED)
            self._fd = os.open(name, _CREATE, layout.FILE_MODE)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._fd, 0, _RESERVED_BYTES)

    def put(self, executed: Mapping[str, Any]) -> None:
        """Put it in place, whole: it survives the death of any process from now on.

        Raises:
            OSError: It could not be written.
        """
        self.reserve()
        text = json.dumps(executed).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))
        reach("supervisor.outcome_written")
        os.rename(
            os.path.join(self._folder, _UNFINISHED), os.path.join(self._folder, layout.OUTCOME)
        )
        reach("supervisor.outcome_in_place")

    @property
    def open_files(self) -> int:
        """How many files it holds open."""
        return int(self._fd != -1)

    def sync(self) -> None:
        """Have it survive a power failure, too."""
        os.fsync(self._fd)
        folder = os.open(self._folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the file."""
        if self._fd != -1:
            os.close(self._fd)


def read(folder: str) -> bytes | None:
    """Return the JSON of an outcome, None when there is none."""
    with (
        contextlib.suppress(FileNotFoundError),
        open(os.path.join(folder, layout.OUTCOME), "rb") as file,
    ):
        return file.read()
    return None
