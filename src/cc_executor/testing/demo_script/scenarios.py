"""The scripted model's part in the demo."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib import resources
from typing import Final

from cc_executor.testing.demo_script.tasks import (
    CHECK,
    PROGRAM_PROMPT,
    README_PROMPT,
    TESTS_PROMPT,
)
from cc_executor.testing.model_api import Reply, Request, Scenario, say, use

_HONESTLY: Final = "(This is the scripted model of the demo, not Claude.)"
# The very command of the check; -B, or the run would leave a __pycache__ in the workspace.
_RUN_TESTS: Final = shlex.join(CHECK)
_TRIAL: Final = (
    'python3 todo.py add "Try CC Executor"',
    'python3 todo.py add "Give it a task of my own"',
    "python3 todo.py done 1",
    "python3 todo.py list",
)


def _file(name: str) -> str:
    source = resources.files("cc_executor.testing.demo_script") / "files" / f"{name}.txt"
    return source.read_text(encoding="utf-8")


def _write_program(_request: Request) -> Reply:
    return say(f"{_HONESTLY} I write todo.py.") & use(
        "Write", file_path="todo.py", content=_file("todo.py")
    )


def _write_tests(_request: Request) -> Reply:
    return say("Eight tests: the list on disk, the commands, the refusals.") & use(
        "Write", file_path="test_todo.py", content=_file("test_todo.py")
    )


def _report_program(request: Request) -> Reply:
    if _failed(request):
        return _admit(request)
    return say("todo.py is written: a module and a program with add, list, done and remove.")


def _report_tests(request: Request) -> Reply:
    if _failed(request):
        return _admit(request)
    summary = " ".join(_output(request).replace("-", " ").split())
    return say(f"test_todo.py is written, and the tests pass: {summary}")


def _write_readme(request: Request) -> Reply:
    if _failed(request):
        return _admit(request)
    results = [result for message in request.messages for result in message.tool_results]
    shown = "\n".join(
        line
        for command, result in zip(_TRIAL, results[-len(_TRIAL) :], strict=True)
        for line in (f"$ {command}", result.text.rstrip())
    )
    readme = _file("README.md").replace("{{ trial }}", shown)
    return say("It works. I put what it printed into README.md.") & use(
        "Write", file_path="README.md", content=readme
    )


def _report_readme(request: Request) -> Reply:
    if _failed(request):
        return _admit(request)
    return say("README.md shows the usage, with the output of the run just made.")


def _failed(request: Request) -> bool:
    return any(result.is_error for result in request.tool_results)


def _output(request: Request) -> str:
    return "\n".join(result.text for result in request.tool_results)


def _admit(request: Request) -> Reply:
    return say(f"This did not work, and the script knows no way out: {_output(request)}")


_TRIAL_CALLS: Final = tuple(
    use("Bash", command=command, description="Try the program") for command in _TRIAL
)

SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(
        PROGRAM_PROMPT,
        (
            _write_program,
            use("Bash", command="python3 todo.py --help", description="Does it start?"),
            _report_program,
        ),
    ),
    Scenario(
        TESTS_PROMPT,
        (
            say(f"{_HONESTLY} First I read the program.") & use("Read", file_path="todo.py"),
            _write_tests,
            use("Bash", command=_RUN_TESTS, description="Run the tests"),
            _report_tests,
        ),
    ),
    Scenario(
        README_PROMPT,
        (
            say(f"{_HONESTLY} I try the program first.") & _TRIAL_CALLS[0],
            *_TRIAL_CALLS[1:],
            _write_readme,
            _report_readme,
        ),
    ),
)
