"""What a fake agent CLI does: tell its version, or choose a script by its prompt."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from .player import checked, perform
from .stage import write_all


def main(
    arguments: Sequence[str],
    *,
    version: str,
    scripts: Mapping[str, str],
    otherwise: str,
    lifetime_s: float,
) -> NoReturn:
    """Be the CLI; `scripts` and `otherwise` are JSON."""
    if arguments in (["--version"], ["-v"]):
        write_all(1, f"{version}\n".encode())
        os._exit(0)
    stdin = None
    chosen = otherwise
    if scripts:
        stdin = b"".join(iter(lambda: os.read(0, 1 << 16), b""))
        prompt = " ".join((stdin.decode("utf-8", "replace"), *arguments))
        chosen = next((script for piece, script in scripts.items() if piece in prompt), otherwise)
    perform(checked(json.loads(chosen)), arguments, lifetime_s=lifetime_s, stdin=stdin)
