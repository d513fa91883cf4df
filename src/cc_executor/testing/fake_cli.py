"""Puts a scripted agent in the place of an agent CLI: one executable, its own name and version.

It answers `--version` as the real one does. Otherwise it reads its prompt from stdin and
plays the script whose key stands in the prompt; the arguments that it was given are the
script's arguments, so that `claude_init` knows `--session-id`, and `report` tells them all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cc_executor.testing.scripted_agent import Script
from cc_executor.testing.scripted_agent.claude import CLI_VERSION
from cc_executor.testing.scripted_agent.stage import DEFAULT_LIFETIME_S

CLAUDE_VERSION: Final = f"{CLI_VERSION} (Claude Code)"

_PROGRAM: Final = """\
#!{python} -IS
# A scripted agent in the place of an agent CLI. Made by cc_executor.testing.fake_cli.
import sys

sys.path.append({folder!r})
from scripted_agent.chooser import main

main(
    sys.argv[1:],
    version={version!r},
    scripts={scripts!r},
    otherwise={otherwise!r},
    lifetime_s={lifetime_s!r},
)
"""


def install(
    path: Path,
    otherwise: Script,
    *,
    by_prompt: Mapping[str, Script] | None = None,
    version: str = CLAUDE_VERSION,
    lifetime_s: float = DEFAULT_LIFETIME_S,
) -> Path:
    """Write the executable to `path` and return its absolute path.

    Args:
        otherwise: Played when no key of `by_prompt` stands in the prompt. Without
            `by_prompt` stdin is left for the script to read.
        by_prompt: Scripts by a piece of the prompt; the first that fits is played.
        version: What `--version` prints.
        lifetime_s: Bound on the life of every process that it makes.
    """
    scripts = {piece: script.to_json() for piece, script in (by_prompt or {}).items()}
    program = _PROGRAM.format(
        python=sys.executable,
        folder=str(Path(__file__).parent),
        version=version,
        scripts=scripts,
        otherwise=otherwise.to_json(),
        lifetime_s=lifetime_s,
    )
    path.write_text(program, encoding="utf-8")
    path.chmod(0o755)
    return path.absolute()
