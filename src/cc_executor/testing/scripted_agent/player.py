"""Reads a script and plays it."""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

from .script import KINDS
from .stage import (
    DEFAULT_LIFETIME_S,
    EXIT_BUG,
    EXIT_USAGE,
    LIFETIME_VARIABLE,
    ScriptError,
    Stage,
    Step,
    Steps,
    give_up,
)

USAGE: Final = "usage: [--lifetime-s SECONDS] (SCRIPT.json | --inline JSON) [ARGUMENT ...]"


def play(stage: Stage, steps: Steps) -> None:
    """Play `steps`, which `checked` has let pass, in order."""
    for step in steps:
        parameters = {name: value for name, value in step.items() if name != "do"}
        KINDS[str(step["do"])].perform(stage, **parameters)


def checked(script: object) -> Steps:
    """Return `script` if it is a list of steps that the table can play, steps in steps too.

    Raises:
        ScriptError: It is not; nothing of it has been played.
    """
    if not isinstance(script, list) or not all(isinstance(step, dict) for step in script):
        raise ScriptError("a script is a list of objects")
    for step in script:
        _check(step)
    return script


def main(argv: Sequence[str]) -> NoReturn:
    """Play the script that `argv` names; exit 0 behind its last step."""
    rest = list(argv)
    lifetime_s = float(os.environ.get(LIFETIME_VARIABLE, DEFAULT_LIFETIME_S))
    try:
        if rest[:1] == ["--lifetime-s"]:
            lifetime_s = float(rest[1])
            del rest[:2]
        script, arguments = _read(rest)
    except (ScriptError, OSError, ValueError, IndexError) as error:
        give_up(EXIT_USAGE, f"{error}\n{USAGE}")
    perform(script, arguments, lifetime_s=lifetime_s)


def perform(
    script: Steps, arguments: Sequence[str], *, lifetime_s: float, stdin: bytes | None = None
) -> NoReturn:
    """Play `script` as the whole life of this process, `lifetime_s` seconds at most.

    `stdin` is what somebody has read of it already, to its end.
    """
    # Dies of a closed pipe as C programs do; Python alone would raise at the next write.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    stage = Stage(arguments, ends_at=time.monotonic() + lifetime_s, play=play, stdin=stdin)
    stage.arm()
    try:
        stage.play(script)
    except BaseException:  # noqa: BLE001  # whatever it is, it is our bug: exit 70
        traceback.print_exc()
        os._exit(EXIT_BUG)
    os._exit(0)


def _read(rest: Sequence[str]) -> tuple[Steps, Sequence[str]]:
    if not rest:
        raise ScriptError("no script")
    if rest[0] == "--inline":
        return checked(json.loads(rest[1])), rest[2:]
    with open(rest[0], encoding="utf-8") as file:
        return checked(json.load(file)), rest[1:]


def _check(step: Step) -> None:
    kind = step.get("do")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ScriptError(f"no step is called {kind!r}; there are {', '.join(KINDS)}")
    known = KINDS[kind].parameters()
    given = step.keys() - {"do"}
    if unknown := given - known.keys():
        raise ScriptError(f"step {kind!r} knows no {', '.join(sorted(unknown))}")
    if missing := {name for name, required in known.items() if required} - given:
        raise ScriptError(f"step {kind!r} needs {', '.join(sorted(missing))}")
    if "steps" in step:
        checked(step["steps"])
