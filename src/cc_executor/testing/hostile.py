"""The eight ways in which a program refuses to be over, each as a script.

Every script locks `LIFELINE` in its working directory, and says on stderr and by the file
`READY` that it is as nasty as it gets. Two of them matter only after their end or their
answer; the others hang until they are stopped. However they are stopped: a test that finds
the lifeline free afterwards (`cc_executor.testing.lifeline`) has seen that no process is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cc_executor.testing.scripted_agent import Script

READY: Final = "ready"
LIFELINE: Final = "lifeline"

_POLITE_SIGNALS: Final = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "PIPE")
_FOR_EVER: Final = Script().hang()
_START: Final = Script().lifeline(LIFELINE)
_READY: Final = Script().line(READY, stream="stderr").touch(READY)
_READY_AND_HANG: Final = _READY.hang()

HOSTILE: Final[Mapping[str, Script]] = MappingProxyType(
    {
        "ignores_signals": _START.ignore(_POLITE_SIGNALS).and_then(_READY_AND_HANG),
        "child_in_own_session": _START.child(
            _FOR_EVER, ignoring=_POLITE_SIGNALS, new_session=True
        ).and_then(_READY_AND_HANG),
        "daemon": _START.child(_FOR_EVER, ignoring=_POLITE_SIGNALS, daemon=True).and_then(
            _READY_AND_HANG
        ),
        "stdout_holder": _START.child(_FOR_EVER, ignoring=_POLITE_SIGNALS, stdio="inherit")
        .and_then(_READY)
        .exit(0),
        "fork_dodger": _START.child(
            Script().dodge(), ignoring=_POLITE_SIGNALS, new_session=True
        ).and_then(_READY_AND_HANG),
        "closes_stdout": _START.and_then(_READY).close().hang(),
        "daemon_without_environment": _START.child(
            _FOR_EVER, ignoring=_POLITE_SIGNALS, daemon=True, clear_env=True
        ).and_then(_READY_AND_HANG),
        "hangs_after_result": _START.claude_init()
        .claude_text("done")
        .claude_result("done")
        .and_then(_READY_AND_HANG),
    }
)
