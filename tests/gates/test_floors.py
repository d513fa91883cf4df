"""The floors are checked by import-linter in `make lint`; here is that its contracts bite."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.gates.source import REPOSITORY

LINT: Final = Path(sys.executable).with_name("lint-imports")
CONFIGURATION: Final = REPOSITORY / "pyproject.toml"


def rooms() -> list[list[str]]:
    """Return the floors of the contract, highest first."""
    settings = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    [floors] = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["id"] == "floors"
    ]
    return [[room.strip(" ()") for room in floor.split("|")] for floor in floors]


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-logo", "--no-cache", "--config", CONFIGURATION],
        cwd=house,
        env={"PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A package with every room, each of them empty."""
    package = tmp_path / "cc_executor"
    package.mkdir()
    (package / "__init__.py").touch()
    for floor in rooms():
        for room in floor:
            (package / f"{room}.py").touch()
    return tmp_path


def test_an_orderly_house_passes(house: Path) -> None:
    (house / "cc_executor" / "cli.py").write_text("import cc_executor.settings\n")

    ended = lint(house)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 kept, 0 broken" in ended.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        pytest.param("model", "import cc_executor.engine", id="upwards"),
        pytest.param("engine", "from cc_executor import store", id="beside"),
        pytest.param("engine", "def late():\n    import cc_executor.wiring", id="upwards, lazily"),
        pytest.param("agents", "import asyncio", id="an event loop in a pure room"),
        pytest.param("model", "from time import monotonic", id="a clock in a pure room"),
    ],
)
def test_a_breach_is_seen(house: Path, room: str, line: str) -> None:
    (house / "cc_executor" / f"{room}.py").write_text(f"{line}\n")

    ended = lint(house)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 kept, 1 broken" in ended.stdout
    assert f"cc_executor.{room} -> " in ended.stdout


def test_a_module_on_no_floor_is_seen(house: Path) -> None:
    (house / "cc_executor" / "utils.py").touch()

    ended = lint(house)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "utils" in ended.stdout


def test_the_picture_of_the_architecture_shows_the_floors_that_are_checked() -> None:
    standing = {path.stem for path in (REPOSITORY / "src/cc_executor").iterdir()}
    floors = [" | ".join(room for room in floor if room in standing) for floor in rooms()]
    page = (REPOSITORY / "docs/explanation/architecture.md").read_text(encoding="utf-8")

    assert "```text\n{}\n```".format("\n".join(floor for floor in floors if floor)) in page
