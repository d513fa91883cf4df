"""Where the output of children is read: from the attempt folders of the state directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol

from cc_executor.evidence.outputs import Child
from cc_executor.evidence.slices import Empty, Readable, Slice
from cc_executor.journal import layout
from cc_executor.ports.journal import Journals

_FILE: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
#: Largest outcome of a supervisor that is believed; they have a few hundred bytes.
MAX_OUTCOME_BYTES: Final = 1024 * 1024


class Source(Protocol):
    """Where the output of children is kept."""

    def child(self, child_id: str) -> AbstractContextManager[Child | None]:
        """Open what is kept of an attempt, check or judge; None when there is nothing of it."""
        ...


class AttemptFolders:
    """Implements `Source` over the journals of a state directory. Blocking (files).

    Args:
        journals: Where the folders are.
    """

    def __init__(self, journals: Journals) -> None:
        self._journals = journals

    @contextmanager
    def child(self, child_id: str) -> Iterator[Child | None]:
        """Open what is kept of an attempt, check or judge; None when there is nothing of it."""
        folder = self._journals.folder(child_id)
        if not folder.is_dir():
            yield None
            return
        with ExitStack() as opened:
            output = _opened(folder / layout.OUTPUT, opened)
            index = _opened(folder / layout.INDEX, opened)
            outcome = _opened(folder / layout.OUTCOME, opened)
            yield Child(
                output=output or Empty(),
                index=index or Empty(),
                chain=None,
                outcome=None if outcome is None else outcome.read_at(0, MAX_OUTCOME_BYTES),
            )


def _opened(path: Path, opened: ExitStack) -> Readable | None:
    try:
        descriptor = os.open(path, _FILE)
    except FileNotFoundError:
        return None
    opened.callback(os.close, descriptor)
    return Slice(descriptor, 0, os.fstat(descriptor).st_size)
