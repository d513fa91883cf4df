from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from cc_executor.agents.base import Dialect
from cc_executor.agents.registry import dialect
from cc_executor.cli.checkup.agents import look_at_agent
from cc_executor.cli.checkup.findings import Finding, Level
from cc_executor.cli.checkup.machine import look_at_machine
from cc_executor.cli.checkup.verdict import is_usable
from cc_executor.errors import (
    AgentNotInstalled,
    AgentNotLoggedIn,
    CCExecutorError,
    NotResponding,
    StateDirectoryRefused,
)
from cc_executor.testing import fake_cli
from cc_executor.testing.scripted_agent import Script
from tests.cli.conftest import Run
from tests.cli.fakes import FakeExecutor

CLAUDE = dialect("claude")


class FakeExecutables(NamedTuple):
    """Implements `Executables` with what a test says."""

    program: Path
    missing: CCExecutorError | None = None
    login: CCExecutorError | None = None

    def agent(self, dialect: Dialect) -> str:
        """Return the program."""
        assert dialect is CLAUDE
        if self.missing is not None:
            raise self.missing
        return str(self.program)

    def command(self, argv0: str, *, cwd: str, environ: Mapping[str, str]) -> str:
        """No doctor asks for commands."""
        raise AssertionError(argv0, cwd, environ)

    def check_login(self, dialect: Dialect, *, environ: Mapping[str, str]) -> None:
        """Say what the test says."""
        assert (dialect, environ) == (CLAUDE, {})
        if self.login is not None:
            raise self.login


def look(programs: FakeExecutables, **environ: str) -> dict[str, Finding]:
    return {one.name: one for one in look_at_agent(CLAUDE, programs, environ)}


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    return fake_cli.install(tmp_path / "claude", Script())


def test_an_agent_that_can_work_is_found_with_its_version(claude: Path) -> None:
    found = look(FakeExecutables(claude))

    assert found["program"][2:4] == (Level.OK, str(claude))
    assert found["version"][2:4] == (Level.OK, "2.1.330 (Claude Code)")
    assert found["login"].level is Level.OK


def test_a_key_in_the_environment_makes_a_question_unnecessary(claude: Path) -> None:
    refusal = AssertionError("it was asked")

    found = look(FakeExecutables(claude, login=refusal), ANTHROPIC_API_KEY="k")  # type: ignore[arg-type]  # it must not be raised

    assert found["login"][2:4] == (Level.OK, "ANTHROPIC_API_KEY is set")


def test_an_agent_that_is_missing_comes_with_the_way_to_install_it(claude: Path) -> None:
    missing = AgentNotInstalled("claude", ("PATH", "a wheel"), hint="Install it.")

    [finding] = look(FakeExecutables(claude, missing=missing)).values()

    assert finding.level is Level.BROKEN
    assert finding.found == "not found (looked for PATH; a wheel)"
    assert finding.advice == "Install it."


def test_an_agent_without_a_login_comes_with_the_way_to_log_in(claude: Path) -> None:
    found = look(FakeExecutables(claude, login=AgentNotLoggedIn("claude", hint="Log in.")))

    assert found["login"].level is Level.BROKEN
    assert found["login"].advice.startswith("Log in.")


def test_an_agent_that_cannot_be_asked_may_have_a_login(claude: Path) -> None:
    found = look(FakeExecutables(claude, login=NotResponding("claude", 15)))

    assert found["login"].level is Level.GAP


def test_a_program_that_does_not_start_is_broken(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 127\n")
    program.chmod(0o755)

    found = look(FakeExecutables(program))

    assert found["version"].level is Level.BROKEN
    assert "ended with 127: no such library" in found["version"].found


def test_a_machine_is_looked_at_without_changing_it() -> None:
    found = {finding.name: finding for finding in look_at_machine()}

    assert {"platform", "python", "sqlite"} <= set(found)
    for finding in found.values():
        assert finding.found
        assert finding.advice or finding.level is Level.OK


def finding(subject: str, level: Level) -> Finding:
    return Finding(subject, "x", level, "x")


VERDICTS = [
    ("all is well", [("machine", Level.OK), ("agent a", Level.OK)], True),
    ("a gap is no break", [("machine", Level.GAP), ("agent a", Level.NOTE)], True),
    ("one agent is enough", [("agent a", Level.BROKEN), ("agent b", Level.OK)], True),
    ("no agent", [("machine", Level.OK), ("agent a", Level.BROKEN)], False),
    ("none is known", [("machine", Level.OK)], False),
    ("the state is broken", [("state", Level.BROKEN), ("agent a", Level.OK)], False),
]


@pytest.mark.parametrize(
    ("found", "usable"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS]
)
def test_it_is_usable_when_an_agent_can_run(found: list[tuple[str, Level]], usable: object) -> None:
    assert is_usable([finding(subject, level) for subject, level in found]) is usable


def test_doctor_exits_as_its_verdict_says(run: Run, claude: Path) -> None:
    (claude.parent / "state").mkdir(mode=0o700)

    ready = run(["doctor", "--claude-bin", str(claude)], FakeExecutor())
    missing = run(["doctor", "--claude-bin", "/nowhere/claude", "--json"], FakeExecutor())

    assert ready.code == 0, ready
    assert ready.out.endswith("ready\n")
    assert "2.1.330 (Claude Code)" in ready.out
    assert missing.code == 1
    assert json.loads(missing.out)["usable"] is False


def test_a_state_directory_that_is_refused_does_not_hide_the_rest(run: Run, claude: Path) -> None:
    refusal = StateDirectoryRefused("/x", "belongs to user id 7")

    said = run(["doctor", "--claude-bin", str(claude)], FakeExecutor(refuses={"open": refusal}))

    assert said.code == 1
    assert "belongs to user id 7" in said.out
    assert "-> Set CC_EXECUTOR_HOME" in said.out
    assert "2.1.330 (Claude Code)" in said.out
