"""Imports modules under an audit hook and prints, as JSON, what happened meanwhile.

Run as `python -I -B import_probe.py MODULE...`; one object on stdout:
`{"deeds": [[module, event, argument], ...], "loaded": [module, ...]}`.
"""

from __future__ import annotations

import _thread
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Everything below happens to the import machinery too, but only for reading.
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
DEEDS = (
    "_thread.start_",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.spawn",
    "os.symlink",
    "os.system",
    "os.truncate",
    "os.unsetenv",
    "pty.spawn",
    "shutil.",
    "signal.pthread_kill",
    "socket.",
    "sqlite3.connect",
    "subprocess.Popen",
    "tempfile.",
)


def _is_deed(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & WRITING)
    return event.startswith(DEEDS)


def _announce_threads() -> None:
    """Raise the event that Python itself raises for a new thread only in later versions."""
    start: Callable[..., int] = _thread.start_new_thread

    def announced(*arguments: object) -> int:
        sys.audit("_thread.start_new_thread", *arguments)
        return start(*arguments)

    _thread.start_new_thread = announced


def main(names: list[str]) -> None:
    """Import each of `names` in turn and report."""
    deeds: list[tuple[str, str, str]] = []
    current = ""

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if current and _is_deed(event, arguments):
            deeds.append((current, event, repr(arguments[:1])))

    sys.addaudithook(watch)
    _announce_threads()
    before = set(sys.modules)
    for current in names:
        importlib.import_module(current)
    current = ""
    loaded = sorted(set(sys.modules) - before)
    sys.stdout.write(json.dumps({"deeds": deeds, "loaded": loaded}))


if __name__ == "__main__":
    # A module under test may stand in a folder of its own: DIRECTORY is put on the path first.
    directory, *modules = sys.argv[1:]
    sys.path.insert(0, directory)
    main(modules)
