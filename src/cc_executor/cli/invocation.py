"""What one call of the command line carries from its flags to its command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing, OpenExecutor
    from cc_executor.settings import Settings


def _open(settings: Settings) -> AbstractAsyncContextManager[Executing]:
    from cc_executor.cli.opening import open_client

    return open_client(settings)


@dataclass(kw_only=True)
class Invocation:
    """One call of `cc-executor`, from its first flag to its exit code.

    Attributes:
        flags: Settings given as flags, by setting name.
        machine: Whether a program reads stdout: refusals are printed there, as JSON.
        environ: Where settings are read from.
        open_executor: Opens the client; tests put a fake here.
    """

    flags: dict[str, str] = field(default_factory=dict)
    machine: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    open_executor: OpenExecutor = _open

    def settings(self) -> Settings:
        """Load the settings, and let them decide what is logged. Blocking (files).

        Raises:
            InvalidSetting: One of them is unknown or out of range.
        """
        from cc_executor.cli.log_level import configure_logs
        from cc_executor.settings import load_settings

        settings = load_settings(environ=self.environ, flags=self.flags)
        configure_logs(settings)
        return settings

    def executor(self) -> AbstractAsyncContextManager[Executing]:
        """Return a client on the server or state directory that the settings name, to be entered."""
        return self.open_executor(self.settings())

    def executor_to_outlive(self) -> AbstractAsyncContextManager[Executing]:
        """Return a client for work that is to outlive this process, to be entered."""
        from cc_executor.cli.opening import open_to_outlive

        return open_to_outlive(self.settings(), self.open_executor)
