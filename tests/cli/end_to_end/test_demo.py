"""The demo, with the real CLI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cc_executor.cli.demo import find_claude
from cc_executor.settings import load_settings
from tests.cli.end_to_end.program import Program

pytestmark = pytest.mark.real_cli


@pytest.fixture
def program(program: Program) -> Program:
    """Keep what the demo makes in the test's folder, and show that nobody's key is used."""
    temporary = program.workspace.parent / "tmp"
    temporary.mkdir()
    program.environ |= {
        "TMPDIR": str(temporary),
        "ANTHROPIC_API_KEY": "somebody's",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }
    return program


def test_the_demo_ends_in_a_program_whose_tests_pass(program: Program) -> None:
    shown = program.run("demo")
    out, err = shown.stdout.decode(), shown.stderr.decode()
    [folder] = (program.workspace.parent / "tmp").iterdir()

    assert shown.returncode == 0, err
    assert err.startswith("The model of this demo is a script on this machine, not Claude.\n")
    assert "  tests    succeeded" in err
    assert "look again: cc-executor show" in err
    assert "  todo.py  (by program)\n" in out
    assert "exit code 0: Ran 8 tests" in out
    assert {"todo.py", "test_todo.py", "README.md"} <= {path.name for path in folder.iterdir()}


def test_demo_json_prints_the_object_and_remembers_the_execution(program: Program) -> None:
    demo = program.run("demo", "--json", "--remove")
    done = json.loads(demo.stdout)

    assert demo.returncode == 0, demo.stderr.decode()
    assert done["state"] == "succeeded"
    assert done["model_is_scripted"] is True
    assert done["check"]["passed"] is True
    assert [task["name"] for task in done["tasks"]] == ["program", "tests", "readme"]
    assert "todo.py" in done["tasks"][0]["files_created"]
    assert not Path(done["workspace"]).exists()
    assert list((program.workspace.parent / "tmp").iterdir()) == []
    assert program.json("show", done["execution_id"])["state"] == "succeeded"


def test_a_demo_that_left_nothing_to_test_has_failed(program: Program) -> None:
    forgetful = program.workspace.parent / "claude"
    real = find_claude(load_settings(environ={}, flags={}, config_files=()))
    forgetful.write_text(f'#!/bin/sh\n{real} "$@"\ncode=$?\nrm -f test_todo.py\nexit $code\n')
    forgetful.chmod(0o755)

    shown = program.run("demo", "--claude-bin", str(forgetful), "--json")
    done = json.loads(shown.stdout)

    assert shown.returncode == 1, shown.stderr.decode()
    assert done["state"] == "succeeded"
    assert done["check"]["passed"] is False
