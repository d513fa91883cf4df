"""What every test stands on: nobody's home, nobody's login, nobody's settings."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# All else (HOME, keys, CC_EXECUTOR_*, what an agent exports to its children) stays outside.
KEPT: Final = frozenset({"PATH", "LANG", "TMPDIR", "CI"})
KEPT_PREFIXES: Final = ("PYTHON", "PYTEST_", "COVERAGE_", "CC_EXECUTOR_CHAOS_")

# Machines differ and are busy: how long an example takes says nothing.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _signals_as_usual() -> None:
    """What a caller ignores (nohup: SIGHUP; a job in the background: SIGINT, SIGQUIT) we would, too.

    And so would our children.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _nobodys_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the tests with a home of their own and without the caller's variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in KEPT and not name.startswith(KEPT_PREFIXES):
                patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        patch.setenv("CC_EXECUTOR_HOME", str(home / "state"))
        yield
