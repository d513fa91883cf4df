"""A scripted model in a terminal, until Ctrl-C or SIGTERM.

It prints the lines for a shell in which `claude` shall talk to it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cc_executor.testing.claude_cli import DUMMY_KEY
from cc_executor.testing.model_api.script_file import load
from cc_executor.testing.model_api.server import ModelApi


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a script; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cc_executor.testing.model_api")
    parser.add_argument("--script", type=Path, required=True, metavar="FILE")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    given = parser.parse_args(argv)
    try:
        model = load(given.script)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    ends = {signal.SIGINT, signal.SIGTERM}
    # Blocked before the threads are made, so that they inherit it and only `sigwait` gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with ModelApi(model, port=given.port) as api:
        sys.stdout.write(
            f"export ANTHROPIC_BASE_URL={api.base_url} ANTHROPIC_API_KEY={DUMMY_KEY}\n"
        )
        sys.stdout.flush()
        signal.sigwait(ends)
        for call in api.calls:
            sys.stderr.write(f"{call}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
