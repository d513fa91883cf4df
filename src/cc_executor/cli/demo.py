"""The demo: the real Claude Code CLI works through a real list; only its model is a script."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.text import Text

from cc_executor.cli.exits import Exit, of_execution
from cc_executor.cli.following import follow_own
from cc_executor.cli.presentation import for_people
from cc_executor.cli.render.data import write_json
from cc_executor.cli.render.machine import Silent
from cc_executor.cli.render.terminal import print_lines
from cc_executor.cli.render.wording import one_line
from cc_executor.cli.running import Interrupts, run
from cc_executor.client.executor import Executor
from cc_executor.errors import AgentNotInstalled
from cc_executor.model.results import ExecutionResult
from cc_executor.process.run import run_subprocess_async
from cc_executor.settings import Settings, load_settings
from cc_executor.testing.claude_cli import NoBundledClaude, bundled_claude, offline_environment
from cc_executor.testing.demo_script import CHECK, SCENARIOS, TASKS
from cc_executor.testing.model_api import ModelApi

_CHECK_S: Final = 60.0
TITLE: Final = "demo: a small to-do program, by a scripted model"


class Stage(NamedTuple):
    """Where the demo happens.

    Attributes:
        workspace: The fresh folder in which the agent works.
        environ: All that the agent may see: nobody's login, and no address but the script's.
        settings: The user's, with the CLI that is used.
    """

    workspace: Path
    environ: Mapping[str, str]
    settings: Settings


class Check(NamedTuple):
    """The tests that the agent wrote, run again by us: no agent's word is taken for it."""

    command: Sequence[str]
    exit_code: int
    said: str

    @property
    def passed(self) -> bool:
        """Whether tests ran, and all is well. Before 3.12 `unittest` is content with none."""
        return self.exit_code == 0 and not self.said.startswith("Ran 0 tests")


def play(settings: Settings, *, as_json: bool, keep: bool) -> Exit:
    """Run the demo and show what came of it.

    Args:
        settings: The user's: what is run is remembered in their state directory.
        as_json: Print one object instead.
        keep: Leave the folder with what was made.

    Raises:
        CCExecutorError: It cannot be run here.
    """
    with _stage(settings, keep=keep) as stage:
        introduce(stage)

        async def command(interrupts: Interrupts) -> Exit:
            async with Executor(settings=stage.settings, environ=stage.environ) as executor:
                accepted = await executor.submit(
                    {"title": TITLE, "tasks": list(TASKS)}, workspace=stage.workspace
                )
                view = Silent(announce=True) if as_json else for_people(from_start=True)
                ended = await follow_own(executor, accepted, view, interrupts)
            return await conclude(ended, stage, as_json=as_json, keep=keep)

        return run(command)


def introduce(stage: Stage) -> None:
    """Say, before anything happens, what is real and what is not."""
    print_lines(
        sys.stderr,
        [
            Text("The model of this demo is a script on this machine, not Claude.", "bold"),
            Text("Real are the Claude Code CLI, its tools, the files, and the tests' result."),
            Text(f"CLI:    {stage.settings.claude_bin}", "dim"),
            Text(f"folder: {stage.workspace}", "dim"),
        ],
    )


async def conclude(execution: ExecutionResult, stage: Stage, *, as_json: bool, keep: bool) -> Exit:
    """Run the check, and print the summary or the object."""
    check = await run_check(stage) if execution.ok else None
    if as_json:
        write_json(as_object(execution, check))
    else:
        print_lines(sys.stdout, summary_of_demo(execution, stage, check, keep=keep))
    if check is not None and not check.passed:
        return Exit.FAILED
    return of_execution(execution)


async def run_check(stage: Stage) -> Check:
    """Run the tests that the agent wrote.

    Raises:
        SpawnFailed, NotResponding: They could not be run, or did not end.
    """
    ran = await run_subprocess_async(CHECK, _CHECK_S, env=stage.environ, cwd=str(stage.workspace))
    said = [line for line in ran.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return Check(CHECK, ran.exit_code, " ".join(one_line(line) for line in said[-2:]))


def as_object(execution: ExecutionResult, check: Check | None) -> dict[str, Any]:
    """Return the object of `run --json`, with what only the demo knows."""
    checked = check and {**check._asdict(), "passed": check.passed}
    return {**execution.to_json(), "model_is_scripted": True, "check": checked}


def summary_of_demo(
    execution: ExecutionResult, stage: Stage, check: Check | None, *, keep: bool
) -> list[Text]:
    """Return what was made and what is known about it."""
    lines = [Text(), Text("files made, as seen on disk:", "bold")]
    lines.extend(
        Text(f"  {path}  (by {task.name})")
        for task in execution.tasks
        if task.outcome is not None
        for path in task.outcome.changes.created
    )
    lines.append(Text("verified:", "bold"))
    if check is None:
        lines.append(Text("  nothing: the list did not come to its end"))
    else:
        style = "green" if check.passed else "red"
        said = f"exit code {check.exit_code}: {check.said}"
        lines.append(Text.assemble(f"  {' '.join(check.command)}  ", (said, style)))
    lines.append(
        Text("The cost is what the CLI reckons for the script's tokens; nothing was spent.", "dim")
    )
    if keep:
        lines.append(Text(f"Try what was made: cd {stage.workspace} && python3 todo.py list"))
    return lines


@contextlib.contextmanager
def _stage(settings: Settings, *, keep: bool) -> Iterator[Stage]:
    """Make the folders and the model; remove them in the end."""
    claude = find_claude(settings)
    workspace = Path(tempfile.mkdtemp(prefix="cc-executor-demo-"))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="cc-executor-demo-home-") as home,
            ModelApi(SCENARIOS) as model,
        ):
            flags = {**settings.as_flags(), "claude_bin": str(claude), "home": str(settings.home)}
            yield Stage(
                workspace=workspace,
                environ=offline_environment(Path(home), model.base_url),
                settings=load_settings(environ={}, flags=flags, config_files=()),
            )
    finally:
        if not keep:
            shutil.rmtree(workspace, ignore_errors=True)


def find_claude(settings: Settings) -> Path:
    """Return the CLI of the settings, else the one in the installed wheel.

    Raises:
        AgentNotInstalled: There is neither.
    """
    if settings.claude_bin is not None:
        return Path(settings.claude_bin)
    try:
        return bundled_claude()
    except NoBundledClaude as missing:
        raise AgentNotInstalled(
            "claude",
            ("the wheel claude-agent-sdk",),
            hint="Install it with `pip install 'cc-executor[claude]'`.",
        ) from missing
