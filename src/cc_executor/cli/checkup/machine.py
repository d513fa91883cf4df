"""The machine: platform, interpreter, SQLite, control groups, sandbox."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from cc_executor.cli.checkup.findings import Finding, Level
from cc_executor.cli.render.wording import one_line
from cc_executor.errors import CCExecutorError
from cc_executor.process.cgroup import CGROUP, Place, gap, places
from cc_executor.process.report import limit_keepers
from cc_executor.process.run import run_subprocess

SUBJECT: Final = "machine"
_OLDEST_SQLITE: Final = (3, 51, 3)
_TRY_S: Final = 10.0


def look_at_machine() -> Iterator[Finding]:
    """Yield what was found. Blocking; each step is bounded."""
    yield _platform()
    yield Finding(SUBJECT, "python", Level.OK, f"{platform.python_version()} ({sys.executable})")
    yield _sqlite()
    if platform.system() == "Linux":
        yield _control_groups()
        yield _limits()
        yield _sandbox()


def _platform() -> Finding:
    name, system = platform.platform(), platform.system()
    if system == "Linux":
        return Finding(SUBJECT, "platform", Level.OK, name)
    if system == "Darwin":
        return Finding(
            SUBJECT,
            "platform",
            Level.GAP,
            f"{name}: what leaves its process group and session may survive the end of a task",
            "Use Linux where that matters.",
        )
    return Finding(
        SUBJECT, "platform", Level.BROKEN, f"{name} is not supported", "On Windows, use WSL."
    )


def _sqlite() -> Finding:
    import apsw

    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) >= _OLDEST_SQLITE:
        return Finding(SUBJECT, "sqlite", Level.OK, version)
    return Finding(
        SUBJECT,
        "sqlite",
        Level.BROKEN,
        f"{version} can damage a database that several processes write to",
        "Run `pip install --upgrade apsw`.",
    )


def _control_groups() -> Finding:
    problems = {place: gap(place) for place in places()}
    for place, problem in problems.items():
        if not problem:
            return Finding(SUBJECT, "cgroup", Level.OK, f"{_named(place)} at {place.parent}")
    said = "; ".join(f"{_named(place)}: {problem}" for place, problem in problems.items())
    return Finding(
        SUBJECT,
        "cgroup",
        Level.GAP,
        f"none can be used ({said or 'none is mounted'}); process trees are found by scanning",
        "Run inside a delegated control group, for example with `systemd-run --user --scope -p"
        " Delegate=yes cc-executor ...`.",
    )


def _limits() -> Finding:
    keepers = limit_keepers()
    said = "; ".join(f"{', '.join(names)}: {_KEEPERS[how]}" for how, names in _by_keeper(keepers))
    return Finding(SUBJECT, "limits", Level.OK, said)


def _by_keeper(keepers: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for how in dict.fromkeys(keepers.values()):
        yield how, [name.replace("_", " ") for name in keepers if keepers[name] == how]


#: What stands for the words of `Executed.enforcement`.
_KEEPERS: Final = {
    "cgroup": "kept by the kernel for the whole tree",
    "rlimit": "kept by the kernel for each process",
    "supervisor": "kept at every byte",
    "poll": "measured, the more often the nearer it is",
}


def _named(place: Place) -> str:
    return "version 2" if place.kind == CGROUP else "version 1 freezer"


def _sandbox() -> Finding:
    program = shutil.which("bwrap")
    if program is None:
        return Finding(
            SUBJECT,
            "sandbox",
            Level.NOTE,
            "bwrap is not installed; agents run with your rights",
            "Nothing needs it: there is nothing to do.",
        )
    trial = (program, "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", _true())
    try:
        ran = run_subprocess(trial, _TRY_S)
    except CCExecutorError as refusal:
        problem = str(refusal)
    else:
        if ran.exit_code == 0:
            return Finding(
                SUBJECT, "sandbox", Level.OK, f"{program} works; agents run with your rights"
            )
        problem = one_line(ran.stderr.decode("utf-8", "replace"))
    return Finding(SUBJECT, "sandbox", Level.NOTE, f"{program} does not work here: {problem}")


def _true() -> str:
    return shutil.which("true", path=os.defpath) or "true"
