from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from cc_executor.model.specs import TaskSpec
from cc_executor.testing.demo_script import CHECK, SCENARIOS, TASKS
from cc_executor.testing.model_api import Message, ModelApi, Request, Scenarios, Text, ToolResult
from tests.testing.real_claude import Claude, Run

BOUND_S = 30


def asked(prompt: str, results: tuple[ToolResult, ...], *, turns: int) -> Request:
    """A conversation in which the model has spoken `turns` times and tools gave `results`."""
    messages = [Message("user", texts=(prompt,))]
    for _ in range(turns):
        messages += [Message("assistant"), Message("user", tool_results=results)]
    return Request("m", True, tuple(messages), ("Bash",), None, {}, {})


def run_task(cli: Claude, task: Mapping[str, object]) -> Run:
    spec = msgspec.convert(task, TaskSpec)
    assert spec.prompt is not None
    assert spec.permission_mode is not None
    flags = ["--permission-mode", spec.permission_mode, "--allowedTools", *spec.allowed_tools]
    return cli.run(spec.prompt, *flags)


@pytest.mark.real_cli
def test_the_real_cli_makes_a_program_whose_tests_pass(tmp_path: Path) -> None:
    with ModelApi(SCENARIOS) as api:
        cli = Claude(api, tmp_path)
        runs = [run_task(cli, task) for task in TASKS]

    for run in runs:
        assert run.exit_code == 0, run.result
        assert run.result["permission_denials"] == []
        assert "script knows no way out" not in run.result["result"]
    assert "tests pass: Ran 8 tests" in runs[1].result["result"]
    files = {path.name for path in cli.workspace.iterdir()}
    assert files == {"todo.py", "test_todo.py", "README.md", "todo.json"}
    check = subprocess.run(
        CHECK, cwd=cli.workspace, capture_output=True, timeout=BOUND_S, check=False
    )
    assert check.returncode == 0, check.stderr
    assert re.search(rb"Ran 8 tests in .*\n\nOK", check.stderr)
    readme = (cli.workspace / "README.md").read_text()
    assert '$ python3 todo.py add "Try CC Executor"\n  1 [ ] Try CC Executor\n' in readme
    assert "came from a script, not from a model" in readme


def test_the_tasks_are_valid_task_specs_with_names_of_their_own() -> None:
    specs = [msgspec.convert(task, TaskSpec) for task in TASKS]

    assert [spec.name for spec in specs] == ["program", "tests", "readme"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task["name"]))
def test_the_model_says_first_that_it_is_scripted(task: Mapping[str, object]) -> None:
    reply = Scenarios(SCENARIOS)(asked(str(task["prompt"]), (), turns=0))

    first = reply.blocks[0]
    assert isinstance(first, Text)
    assert "scripted model" in first.text
    assert "not Claude" in first.text


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task["name"]))
def test_the_model_does_not_claim_what_a_tool_denies(task: Mapping[str, object]) -> None:
    failed = (ToolResult("t", "FAILED (failures=1)", is_error=True),)

    reply = Scenarios(SCENARIOS)(asked(str(task["prompt"]), failed, turns=20))

    (answer,) = reply.blocks
    assert isinstance(answer, Text)
    assert answer.text.startswith("This did not work")
    assert "FAILED (failures=1)" in answer.text
