"""Lets coverage see spawners and the supervisors that they fork: in tests only.

A spawner runs with `-I -S` and an environment made from nothing, so nothing starts coverage in it.
While coverage measures, tests boot it by a program that starts coverage first and then runs the
real boot program, unchanged. Supervisors are forks of it; both save what was measured when they
leave (`patch = ["_exit"]` in pyproject.toml). Their interpreter's path and environment are as they
would be without: what they import, and what agents inherit, stays what the product gives them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

CONFIG: Final = "COVERAGE_PROCESS_CONFIG"

_BOOT: Final = """\
import os, sys, types

sys.path.append({packages!r})
os.environ[{name!r}] = {config!r}
import coverage

coverage.process_startup()
del os.environ[{name!r}]
sys.path.remove({packages!r})
with open({boot!r}, encoding="utf-8") as file:
    source = file.read()
spec = types.SimpleNamespace(name={module!r})  # so that it counts as one of the package
main = {{"__name__": "__main__", "__file__": {boot!r}, "__spec__": spec}}
exec(compile(source, {boot!r}, "exec"), main)
"""


@contextlib.contextmanager
def measured_spawners(folder: Path) -> Iterator[None]:
    """Have the spawners that this process starts measured, when it is measured itself.

    Args:
        folder: Where the boot program may be written.
    """
    config = os.environ.get(CONFIG)
    if config is None:
        yield
        return
    import coverage

    from cc_executor.process import stock

    boot = folder / "measured_boot.py"
    text = _BOOT.format(
        packages=str(Path(coverage.__file__).parent.parent),
        name=CONFIG,
        config=config,
        boot=str(stock._BOOT),
        module="cc_executor.process.boot",
    )
    boot.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stock, "_BOOT", boot)
        yield
