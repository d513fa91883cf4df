"""`--help`: quick, complete, and what the documentation shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from cc_executor.cli.main import COMMANDS
from cc_executor.cli.reference import help_texts
from cc_executor.settings import SETTINGS

HELP: Final = dict(help_texts())
BOUND_S: Final = 30

#: What takes its time to import, and no help needs.
HEAVY: Final = {
    "apsw",
    "asyncio",
    "cc_executor.client",
    "cc_executor.engine",
    "jsonschema",
    "markdown_it",
    "msgspec",
    "platformdirs",
    "rich",
    "sqlite3",
    "yaml",
}

PROBE: Final = """\
import contextlib, io, json, sys
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.main import run_cli
with contextlib.redirect_stdout(io.StringIO()):
    assert run_cli(sys.argv[1:], Invocation()) == 0
print(json.dumps(sorted(sys.modules)))
"""


def run(*argv: str) -> str:
    done = subprocess.run(
        [sys.executable, *argv],
        env={"COLUMNS": "80", "HOME": "/nowhere", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]], ids=str)
def test_help_imports_nothing_that_takes_its_time(arguments: list[str]) -> None:
    loaded = set(json.loads(run("-c", PROBE, *arguments)))

    assert loaded & HEAVY == set()


def test_the_documentation_shows_every_help_as_it_is_printed() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "reference", "cli.md").read_text("utf-8")

    missing = [command for command, text in HELP.items() if f"```text\n{text}\n```" not in page]

    assert missing == [], "run `make docs`"


@pytest.mark.parametrize("words", [[], ["run"], ["history", "export"]], ids=str)
def test_what_is_documented_is_what_is_printed(words: list[str]) -> None:
    assert (
        run("-m", "cc_executor", *words, "--help") == HELP[" ".join(["cc-executor", *words])] + "\n"
    )


def test_every_command_has_help_that_fits_on_its_line_of_the_list() -> None:
    listed = HELP["cc-executor"].partition("Commands:\n")[2].partition("\n\n")[0].splitlines()

    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert [line for line in listed if line.endswith("...") or len(line.split()) == 1] == []


def test_every_setting_is_a_flag_of_the_program() -> None:
    of_all = [setting for setting in SETTINGS if not setting.of_server]
    assert [setting.flag for setting in of_all if setting.flag not in HELP["cc-executor"]] == []


def test_help_of_a_command_does_not_repeat_the_settings() -> None:
    assert "--max-concurrency" not in HELP["cc-executor run"]


def test_no_help_shows_the_marks_of_its_source() -> None:
    assert [command for command, text in HELP.items() if "\\b" in text or "\b" in text] == []
