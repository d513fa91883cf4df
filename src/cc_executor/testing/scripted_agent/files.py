"""Steps that touch files; `wait_for_file` and `touch` are how tests synchronise."""

from __future__ import annotations

import binascii
import os
import time
from typing import Final

from .output import encode
from .stage import EXIT_NOTHING_CAME, Stage, Steps, StrPath, give_up

_POLL_S: Final = 0.002


def wait_for_file(stage: Stage, path: StrPath, *, within_s: float = 10.0) -> None:
    """Wait until `path` exists; after `within_s` seconds exit with 65 instead."""
    gives_up_at = time.monotonic() + within_s
    while not os.path.lexists(path):
        if time.monotonic() > gives_up_at:
            give_up(EXIT_NOTHING_CAME, f"no {path!r} within {within_s} s")
        time.sleep(_POLL_S)


def touch(stage: Stage, path: StrPath) -> None:
    """Create `path`, empty, if it does not exist."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def write_file(
    stage: Stage, path: StrPath, text: str = "", *, base64: str = "", append: bool = False
) -> None:
    """Write `text`, then the bytes that `base64` stands for, over or behind what is there."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "ab" if append else "wb") as file:
        file.write(encode(text) + binascii.a2b_base64(base64))


def delete_file(stage: Stage, path: StrPath) -> None:
    """Delete `path`."""
    os.unlink(path)


def link(stage: Stage, path: StrPath, target: StrPath, *, hard: bool = False) -> None:
    """Make `path` a symbolic link to `target`, or another name of the same file."""
    (os.link if hard else os.symlink)(target, path)


def fifo(stage: Stage, path: StrPath) -> None:
    """Make a FIFO."""
    os.mkfifo(path)


def rename(stage: Stage, path: StrPath, to: StrPath) -> None:
    """Rename `path`, over whatever is there."""
    os.replace(path, to)


def permit(stage: Stage, path: StrPath, mode: int) -> None:
    """Give `path` other permissions."""
    os.chmod(path, mode)


def make_files(stage: Stage, count: int, *, folder: str = "files", size_bytes: int = 0) -> None:
    """Create `count` files of `size_bytes` each, called `folder`/0 and so on."""
    os.makedirs(folder, exist_ok=True)
    for number in range(count):
        with open(os.path.join(folder, str(number)), "wb") as file:
            file.write(b"x" * size_bytes)


def first_time(stage: Stage, path: StrPath, steps: Steps) -> None:
    """Play `steps` unless `path` exists, and create it first: how a second attempt differs."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    stage.play(steps)
