"""What the command line logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cc_executor import logs
from cc_executor.logs import LogFormat

if TYPE_CHECKING:
    from cc_executor.settings import Settings

_QUIET: Final = "WARNING"


def configure_logs(settings: Settings) -> None:
    """Log as the settings say.

    Somebody who watches a run sees what happens; its records would say it a second time. So
    unless the level has been set on purpose, only warnings and worse are logged here.
    """
    [origin] = [row.origin for row in settings.describe() if row.name == "log_level"]
    level = _QUIET if origin == "default" else settings.log_level
    logs.configure(level=level, format=LogFormat(settings.log_format))
