from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from cc_executor.cli.invocation import Invocation
from cc_executor.cli.main import run_cli
from tests.cli.fakes import FakeExecutor


class Said(NamedTuple):
    """What a command line has come to."""

    code: int
    out: str
    err: str


Run = Callable[[Sequence[str], FakeExecutor], Said]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command line of this process on a fake client."""

    def run(arguments: Sequence[str], executor: FakeExecutor) -> Said:
        invocation = Invocation(
            environ={"CC_EXECUTOR_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)},
            open_executor=lambda _settings: executor,
        )
        code = run_cli(arguments, invocation)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run
