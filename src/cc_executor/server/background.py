"""`python -m cc_executor.server.background READY_FD`: a server in a process of its own.

What it is to be comes on stdin, where nobody else can read it: settings may hold secrets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from cc_executor import logs
from cc_executor.errors import CCExecutorError, ServerUnavailable
from cc_executor.journal.home import StateDirectory
from cc_executor.process.detach import answer, answer_of_detached, leave_parent
from cc_executor.protocol.faults import Fault, error_from, fault_of
from cc_executor.server.running import RunningServer
from cc_executor.settings import Settings, load_settings

MODULE: Final = "cc_executor.server.background"
LOG: Final = "server.log"


class _Order(msgspec.Struct, frozen=True):
    """Settings as flags: all that differ from the defaults, and those of the command line."""

    settings: dict[str, str]
    flags: dict[str, str]


class _Answer(msgspec.Struct, frozen=True):
    """Either of the two."""

    server: RunningServer | None = None
    refused: Fault | None = None


async def start_in_background(settings: Settings, flags: Mapping[str, str]) -> RunningServer:
    """Start a server that outlives this process; return when it answers.

    Args:
        settings: As loaded; it gets the same.
        flags: Those of the command line, which a restart gives again.

    Raises:
        CCExecutorError: It was refused; nothing runs.
    """
    home = StateDirectory(settings.home)
    order = _Order(settings.as_flags(of_server=True), dict(flags))
    line = await answer_of_detached(
        MODULE, [], log=home.path / LOG, what="server", stdin=msgspec.json.encode(order)
    )
    answered = msgspec.json.decode(line, type=_Answer)
    if answered.refused is not None:
        raise error_from(answered.refused)
    if answered.server is None:
        raise ServerUnavailable("", f"it did not say where it is; see {home.path / LOG}")
    return answered.server


def main() -> None:
    """Run from `start_in_background`."""
    leave_parent()
    ready_fd = int(sys.argv[1])
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - for as long as the process lives
    try:
        from cc_executor.server.serve import serve_here

        settings = load_settings(environ=os.environ, flags=order.settings, config_files=())
        logs.configure(level=settings.log_level, format=logs.LogFormat(settings.log_format))
        serve_here(
            settings,
            flags=order.flags,
            on_ready=lambda server: answer(ready_fd, msgspec.json.encode(_Answer(server=server))),
        )
    except CCExecutorError as refusal:
        answer(ready_fd, msgspec.json.encode(_Answer(refused=fault_of(refusal))))
        sys.exit(3)


if __name__ == "__main__":
    main()
