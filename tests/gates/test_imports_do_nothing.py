"""Importing the package opens nothing, starts nothing, writes nothing, and loads little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.gates.source import SOURCE, modules_below

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBE: Final = Path(__file__).with_name("import_probe.py")
# Loaded when they are used: each costs more than all the rest of `import cc_executor`.
HEAVY: Final = frozenset({"asyncio", "multiprocessing", "sqlite3", "ssl", "subprocess"})


def probe(modules: Sequence[str], directory: Path = SOURCE) -> dict[str, Any]:
    # -I: the environment and the current folder play no part; -B: no .pyc is written.
    ended = subprocess.run(
        [sys.executable, "-I", "-B", PROBE, directory, *modules],
        capture_output=True,
        check=False,
        env={},
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def importable(modules: Sequence[str]) -> list[str]:
    """Leave out the programs: they are run, not imported."""
    return [name for name in modules if not name.endswith("__main__")]


def unwanted(loaded: Sequence[str]) -> list[str]:
    """Return what is loaded and neither ours nor light and from the standard library."""
    tops = {name.split(".")[0] for name in loaded} - {"cc_executor"}
    return sorted(name for name in tops if name in HEAVY or name not in sys.stdlib_module_names)


def test_importing_any_module_does_nothing_to_the_world() -> None:
    modules = importable([module.name for module in modules_below(SOURCE)])

    report = probe(modules)

    assert set(modules) <= set(report["loaded"])
    assert report["deeds"] == []


def test_importing_the_package_loads_nothing_heavy_and_nothing_of_others() -> None:
    report = probe(["cc_executor"])

    assert unwanted(report["loaded"]) == []


DEEDS: Final = {
    "a file opened for writing": "open('/dev/null', 'w').close()",
    "a folder": "import os; os.makedirs(os.path.join(os.path.dirname(__file__), 'made'))",
    "a socket": "import socket; socket.socket().close()",
    "a thread": "import threading; threading.Thread(target=int).start()",
    "a program": "import subprocess; subprocess.run(['true'])",
    "a fork": "import os\nif not os.fork(): os._exit(0)\nos.wait()",
    "a changed environment": "import os; os.environ['X'] = '1'",
    "a database": "import sqlite3; sqlite3.connect(':memory:').close()",
}


@pytest.mark.parametrize("code", DEEDS.values(), ids=DEEDS)
def test_a_module_that_does_something_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "guilty.py").write_text(code)

    assert [deed[0] for deed in probe(["guilty"], tmp_path)["deeds"]][:1] == ["guilty"]


@pytest.mark.parametrize("other", ["asyncio", "apsw", "click", "msgspec", "rich", "yaml"])
def test_a_heavy_import_is_seen(other: str, tmp_path: Path) -> None:
    (tmp_path / "heavy.py").write_text(f"import {other}")

    loaded = [name for name in probe(["heavy"], tmp_path)["loaded"] if name != "heavy"]
    assert other in unwanted(loaded)
