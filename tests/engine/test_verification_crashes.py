"""An engine that is killed while it checks, asks a judge, or repairs: nothing is checked twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.failures import Failure
from cc_executor.model.records import Host
from cc_executor.model.results import ExecutionResult
from cc_executor.testing.scripted_agent import Script

InstallClaude = Callable[..., CCExecutorConfig]
PYTHON = [sys.executable, "-I", "-S", "-c"]
ANSWER = {"result": "x", "summary": "x", "files_created": ["app.py"], "files_modified": []}
ONCE = """
import os, sys, time
with open(os.path.join({where!r}, "starts"), "a") as starts:
    starts.write("x")
open(os.path.join({where!r}, "ready"), "w").close()
ends_at = time.monotonic() + 60
while not os.path.exists(os.path.join({where!r}, "go")) and time.monotonic() < ends_at:
    time.sleep(0.01)
sys.exit({status})
"""


def once(where: Path, status: int = 0) -> list[str]:
    """A check that says that it was started, and waits."""
    return [*PYTHON, ONCE.format(where=str(where), status=status)]


def builds(text: str = "hello") -> Script:
    begun = Script().claude_init().write_file("app.py", text)
    return begun.claude_result("built", structured_output=ANSWER)


def waiting(where: Path, then: Script) -> Script:
    """An agent that says that it was started, and waits before it plays the rest."""
    script = Script().claude_init().touch(str(where / "ready")).wait_for_file(str(where / "go"))
    for step in then:
        script = Script((*script, step))
    return script


async def appeared(path: Path) -> None:
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0.005)


async def over_the_death_of_its_engine(
    config: CCExecutorConfig, workspace: Path, **fields: Any
) -> ExecutionResult:
    """Run a task; kill its engine once `ready` is there; let it go on under the next one."""
    async with Executor(config) as executor:
        task_list = executor.task_list([{"prompt": "Do it", **fields}])
        execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
        pid = await executor.engine.detach(execution.id)
        await appeared(workspace / "ready")
        os.kill(pid, signal.SIGKILL)
    async with Executor(config) as executor:
        (workspace / "go").touch()
        async with asyncio.timeout(60):
            return await executor.wait(execution.id, cancel_with_caller=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize("status", [0, 1])
async def test_killed_during_a_check(claude: InstallClaude, workspace: Path, status: int) -> None:
    config = claude(Script().exit(1), {"Do it": builds()})

    ended = await over_the_death_of_its_engine(
        config, workspace, checks=[["true"], once(workspace, status)]
    )

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ok is (status == 0), outcome.verified
    assert outcome.failure == (None if status == 0 else Failure.CHECK_FAILED)
    assert (workspace / "starts").read_text() == "x"
    assert [one.ok for one in outcome.verified.checks] == [True, status == 0]
    assert ended.tasks[0].record.attempts == 1
    async with Executor(config) as executor:
        examination = await executor.verify(ended.id)
    assert examination.intact, examination.proofs
    assert examination.verified is (status == 0)


@pytest.mark.parametrize("verdict", ["pass", "fail"])
async def test_killed_while_the_judge_judges(
    claude: InstallClaude, workspace: Path, verdict: str
) -> None:
    said = {"verdict": verdict, "reason": "Because."}
    judge = waiting(workspace, Script().claude_result("", structured_output=said))
    config = claude(Script().exit(1), {"Judge its work": judge, "Do it": builds()})

    ended = await over_the_death_of_its_engine(config, workspace, validation_prompt="Good?")

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ok is (verdict == "pass")
    assert outcome.verified.judgement is not None
    assert outcome.verified.judgement.reason == "Because."
    assert ended.tasks[0].record.attempts == 1


@pytest.mark.parametrize("text", ["good", "bad"])
async def test_killed_during_a_repair(claude: InstallClaude, workspace: Path, text: str) -> None:
    repair = waiting(workspace, Script(tuple(builds(text))[1:]))
    config = claude(Script().exit(1), {"Your work was checked": repair, "Do it": builds("bad")})
    check = [*PYTHON, "assert open('app.py').read() == 'good'"]

    ended = await over_the_death_of_its_engine(config, workspace, checks=[check], repairs=1)

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ok is (text == "good")
    assert ended.tasks[0].record.attempts == 2  # the repair is gone on with, not made again


async def test_killed_in_a_worktree_its_branch_is_made_all_the_same(
    claude: InstallClaude, workspace: Path, home: Path
) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", "-C", str(workspace), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    works = waiting(workspace, Script(tuple(builds())[1:]))
    config = claude(Script().exit(1), {"Do it": works})

    ended = await over_the_death_of_its_engine(
        config, workspace, isolation="worktree", expects={"files": ["app.py"]}
    )

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ok, outcome
    assert outcome.ground is not None
    assert git("show", f"{outcome.ground.branch}:app.py") == "hello"
    assert not (workspace / "app.py").exists()
    tree = home / "grounds" / f"{ended.id}.1" / "tree"
    async with asyncio.timeout(20):  # it is cleared by the other engine once the end is recorded
        while tree.exists():
            await asyncio.sleep(0.01)


async def test_a_caller_that_dies_during_a_check_leaves_nothing_verified(
    claude: InstallClaude, workspace: Path, home: Path
) -> None:
    config = claude(Script().exit(1), {"Do it": builds()})
    caller = (
        "import asyncio, sys\n"
        "from cc_executor import CCExecutorConfig, Executor\n"
        "async def main():\n"
        "    home, workspace, claude, *check = sys.argv[1:]\n"
        "    config = CCExecutorConfig(home=home, settings={'claude_bin': claude})\n"
        "    async with Executor(config) as executor:\n"
        "        task = {'prompt': 'Do it', 'checks': [check]}\n"
        "        await executor.run([task], workspace=workspace)\n"
        "asyncio.run(main())\n"
    )
    argv = [str(home), str(workspace), config.settings["claude_bin"], *once(workspace)]
    with subprocess.Popen([sys.executable, "-c", caller, *argv]) as started:  # noqa: ASYNC220 - the caller that is going to be killed
        await appeared(workspace / "ready")
        started.kill()

    async with Executor(config) as executor:
        (record,) = await executor.list()
        ended = await executor.wait(record.id)
        examination = await executor.verify(record.id)

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.failure is Failure.ABANDONED
    assert not examination.verified
    assert (workspace / "starts").read_text() == "x"
