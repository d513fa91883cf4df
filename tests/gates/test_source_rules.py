"""The source keeps the rules, and each rule is seen to catch what breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from tests.gates import rules
from tests.gates.source import REPOSITORY, SOURCE, Module, modules_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Rule: TypeAlias = "Callable[[Module], Iterator[rules.Violation]]"

SOURCE_RULES: Final = (
    rules.uses_a_shell,
    rules.starts_a_program_elsewhere,
    rules.swallows_exceptions,
    rules.does_io_below,
    rules.forgets_that_it_was_cancelled,
    rules.suppresses_without_a_reason,
)
TEST_RULES: Final = (rules.evades_proof, rules.suppresses_without_a_reason)


def violations(rule: Rule, modules: list[Module]) -> list[str]:
    return [str(violation) for module in modules for violation in rule(module)]


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks_the_rule(rule: Rule) -> None:
    modules = modules_below(SOURCE)

    assert len(modules) > 1, "the sources have moved: this gate looks at nothing"
    assert violations(rule, modules) == []


@pytest.mark.parametrize("rule", TEST_RULES, ids=lambda rule: rule.__name__)
def test_no_test_breaks_the_rule(rule: Rule) -> None:
    modules = modules_below(REPOSITORY / "tests")

    assert len(modules) > 1, "the tests have moved: this gate looks at nothing"
    assert violations(rule, modules) == []


BROKEN: Final[list[tuple[Rule, str, str]]] = [
    (rules.uses_a_shell, "cli", "import os\nos.system('ls')"),
    (rules.uses_a_shell, "cli", "import os as o\nrun = o.popen"),
    (rules.uses_a_shell, "cli", "from os import system as s\ns('ls')"),
    (rules.uses_a_shell, "cli", "import os\ngetattr(os, 'system')('ls')"),
    (rules.uses_a_shell, "cli", "__import__('os').system('ls')"),
    (rules.uses_a_shell, "cli", "import importlib\nimportlib.import_module('os').system('ls')"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run('ls', shell=True)"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run('ls', shell=wanted)"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run('ls', **{'shell': True})"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.getoutput('ls')"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run(x, preexec_fn=f)"),
    (rules.uses_a_shell, "process", "import asyncio\nasyncio.create_subprocess_shell('ls')"),
    (rules.uses_a_shell, "process", "loop().subprocess_shell(p, 'ls')"),
    (rules.uses_a_shell, "process", "run(['/bin/bash', '-c', text])"),
    (rules.uses_a_shell, "process", "run(('sh', '-e', '-c', text))"),
    (rules.starts_a_program_elsewhere, "cli", "import subprocess"),
    (rules.starts_a_program_elsewhere, "engine", "from subprocess import run"),
    (rules.starts_a_program_elsewhere, "engine", "import asyncio\nasyncio.create_subprocess_exec"),
    (rules.starts_a_program_elsewhere, "engine", "loop.subprocess_exec(p, 'ls')"),
    (rules.starts_a_program_elsewhere, "engine", "import os\nos.fork()"),
    (rules.starts_a_program_elsewhere, "engine", "import os\nos.execve(a, b, c)"),
    (rules.starts_a_program_elsewhere, "engine", "import os\nos.posix_spawn(a, b, c)"),
    (rules.starts_a_program_elsewhere, "engine", "import os\nos.spawnvp(a, b, c)"),
    (rules.starts_a_program_elsewhere, "store", "import multiprocessing"),
    (
        rules.starts_a_program_elsewhere,
        "store",
        "from concurrent import futures as f\nf.ProcessPoolExecutor()",
    ),
    (rules.starts_a_program_elsewhere, "client", "import os\nos.kill(pid, 9)"),
    (rules.starts_a_program_elsewhere, "client", "from os import killpg"),
    (rules.starts_a_program_elsewhere, "", "import subprocess"),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept Exception: pass"),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept BaseException as e: ..."),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept (OSError, Exception): 'fine'"),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept: pass"),
    (rules.swallows_exceptions, "cli", "for x in y:\n try: f()\n except Exception: continue"),
    (
        rules.swallows_exceptions,
        "cli",
        "import contextlib\nwith contextlib.suppress(Exception): f()",
    ),
    (rules.does_io_below, "model", "open('x')"),
    (rules.does_io_below, "agents", "from datetime import datetime, UTC\ndatetime.now(UTC)"),
    (rules.does_io_below, "agents", "import datetime as d\nd.date.today()"),
    (rules.does_io_below, "agents", "import os\nos.environ['HOME']"),
    (rules.does_io_below, "protocol", "def f(path): return path.read_text()"),
    (rules.does_io_below, "forecast", "def f(path): return (path / 'x').exists()"),
    (rules.does_io_below, "errors", "print('no')"),
    (rules.forgets_that_it_was_cancelled, "process", "import asyncio\nasyncio.wait_for(f(), 1)"),
    (rules.forgets_that_it_was_cancelled, "x", "from asyncio import wait_for as w\nw(f(), 1)"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # noqa"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # noqa: S603"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # noqa: S603, S607 -"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # type: ignore[misc]"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # pragma: no cover"),
    (rules.suppresses_without_a_reason, "cli", "# fmt: off"),
    (rules.suppresses_without_a_reason, "cli", "# ruff: noqa: S603"),
    (rules.evades_proof, "x", "import pytest\n@pytest.mark.skipif(True)\ndef test_x(): ..."),
    (rules.evades_proof, "x", "import pytest\npytest.skip('later')"),
    (rules.evades_proof, "x", "from unittest.mock import Mock"),
    (rules.evades_proof, "x", "from unittest import mock"),
]

KEPT: Final[list[tuple[Rule, str, str]]] = [
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run(['ls'], shell=False)"),
    (rules.uses_a_shell, "process", "import subprocess\nsubprocess.run(x, preexec_fn=None)"),
    (rules.uses_a_shell, "process", "WORDS = ['bash', 'zsh']"),
    (
        rules.starts_a_program_elsewhere,
        "process",
        "import subprocess, os\nos.fork()\nos.kill(1, 2)",
    ),
    (rules.starts_a_program_elsewhere, "testing", "import subprocess"),
    (rules.starts_a_program_elsewhere, "cli", "import os\nos.getpid()"),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept OSError: pass"),
    (rules.swallows_exceptions, "cli", "try: f()\nexcept Exception: log.exception('x')"),
    (rules.swallows_exceptions, "cli", "import contextlib\nwith contextlib.suppress(OSError): f()"),
    (rules.does_io_below, "journal", "open('x')"),
    (
        rules.does_io_below,
        "model",
        "from datetime import datetime, UTC\ndatetime(2026, 1, 1, tzinfo=UTC)",
    ),
    (rules.forgets_that_it_was_cancelled, "process", "import asyncio\nasyncio.timeout(1)"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # noqa: S603 - an argv list"),
    (rules.suppresses_without_a_reason, "cli", "x = 1  # type: ignore[misc]  # no stubs exist"),
    (rules.suppresses_without_a_reason, "cli", "x = '# noqa'"),
    (rules.evades_proof, "x", "import pytest\npytest.raises(ValueError)"),
]


def snippet(room: str, text: str) -> Module:
    return Module(name=f"cc_executor.{room}.snippet" if room else "cc_executor", text=text)


@pytest.mark.parametrize(
    ("rule", "room", "text"), BROKEN, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_broken_rule_is_seen(rule: Rule, room: str, text: str) -> None:
    assert violations(rule, [snippet(room, text)])


@pytest.mark.parametrize(
    ("rule", "room", "text"), KEPT, ids=lambda value: getattr(value, "__name__", value)
)
def test_code_that_keeps_the_rule_passes(rule: Rule, room: str, text: str) -> None:
    assert violations(rule, [snippet(room, text)]) == []


def test_a_violation_says_where_it_is() -> None:
    [violation] = rules.uses_a_shell(snippet("cli", "import os\n\nos.system('ls')"))

    assert str(violation) == "cc_executor.cli.snippet:3: os.system"
