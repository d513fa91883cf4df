"""The real Claude Code CLI, run by the engine against a scripted model: what really comes out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.client.json_mode import SCHEMA as JSON_MODE
from cc_executor.errors import AgentNotLoggedIn
from cc_executor.evidence.verify import verify_bundle
from cc_executor.model.events import FromAgent
from cc_executor.model.events import Turn as Asked
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Outcome
from cc_executor.model.progress import ExecutionProgress
from cc_executor.model.results import TaskResult
from cc_executor.testing.claude_cli import bundled_claude, offline_environment
from cc_executor.testing.model_api import (
    ModelApi,
    Scenario,
    Stall,
    Turn,
    prompt_too_long,
    refuse,
    say,
    structured,
    use,
)
from tests.testing.real_claude import is_on_disk

pytestmark = pytest.mark.real_cli

PROMPT = "do the thing"
WRITE = use("Write", file_path="made.txt", content="hello\n")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Stage:
    """An executor whose only agent is the real CLI, and the model that it talks to."""

    def __init__(self, executor: Executor, model: ModelApi, workspace: Path) -> None:
        self.executor = executor
        self.model = model
        self.workspace = workspace

    async def run(self, prompt: str = PROMPT, **fields: Any) -> TaskResult:
        ended = await self.executor.run([{"prompt": prompt, **fields}], workspace=self.workspace)
        return ended.tasks[0]


@asynccontextmanager
async def stage(folder: Path, *turns: Turn, **variables: str) -> AsyncIterator[Stage]:
    home, workspace = folder / "state", folder / "workspace"
    home.mkdir(mode=0o700, exist_ok=True)
    workspace.mkdir(exist_ok=True)
    config = CCExecutorConfig(home=home, settings={"claude_bin": str(bundled_claude())})
    with ModelApi([Scenario(PROMPT, turns)]) as model:
        environ = {**offline_environment(folder / "home", model.base_url), **variables}
        async with Executor(config, environ=environ) as executor:
            yield Stage(executor, model, workspace)


def outcome_of(task: TaskResult) -> Outcome:
    assert task.outcome is not None
    return task.outcome


async def test_a_task_that_goes_well_has_its_answer_its_files_and_its_cost(tmp_path: Path) -> None:
    async with stage(tmp_path, say("Writing.") & WRITE, say("Done.")) as on:
        task = await on.run()

    outcome = outcome_of(task)
    assert task.ok, outcome
    assert task.result == "Done."
    assert outcome.changes.created == ("made.txt",)
    assert outcome.cost_usd is not None
    assert outcome.cost_usd > 0
    assert outcome.usage is not None
    assert outcome.agent_session_id is not None
    assert (on.workspace / "made.txt").read_text() == "hello\n"


@pytest.mark.parametrize(
    ("budget", "detail"),
    [({"usd": 0.000001}, "task.usd"), ({"turns": 1}, "task.turns")],
)
async def test_an_agent_ends_by_itself_at_the_end_of_its_budget(
    tmp_path: Path, budget: dict[str, Any], detail: str
) -> None:
    async with stage(tmp_path, WRITE, WRITE, say("Done.")) as on:
        task = await on.run(budget=budget)

    outcome = outcome_of(task)
    assert (outcome.failure, outcome.detail) == (Failure.BUDGET, detail), outcome
    assert outcome.executed is not None
    assert outcome.executed.rung is None
    assert outcome.cost_usd is not None
    assert task.budget is not None
    assert task.budget.spent["usd"] > 0


async def test_each_answer_of_the_model_is_a_turn_and_progress_ends_as_the_outcome_says(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, say("Writing.") & WRITE, say("Done.")) as on:
        task = await on.run()
        execution = task.record.execution_id
        events = [event async for event in on.executor.stream(execution)]
        [progress] = await on.executor.progress(execution)

    board = ExecutionProgress([task.record])
    for event in events:
        board.take(event)
    counted = board.all(at=0.0)[0]
    turns = [one for one in events if isinstance(one, FromAgent) and isinstance(one.event, Asked)]
    assert len(turns) == 2
    assert (counted.last_text, counted.tool) == ("Done.", None)
    outcome = outcome_of(task)
    assert outcome.usage is not None
    for told in (counted, progress):
        assert told.turns == outcome.claimed.num_turns == 2
        assert told.cost_usd == pytest.approx(outcome.cost_usd)
        assert told.tokens == outcome.usage.total


async def test_a_tool_that_fails_is_the_models_business(tmp_path: Path) -> None:
    bash = use("Bash", command="exit 3", description="fail")
    async with stage(tmp_path, bash, say("It failed.")) as on:
        task = await on.run(allowed_tools=["Bash"])

    assert task.ok
    assert task.result == "It failed."


async def test_a_refused_tool_is_a_failure_although_the_cli_says_success(tmp_path: Path) -> None:
    bash = use("Bash", command="python3 -c 'print(1)'", description="count")
    async with stage(tmp_path, bash, say("Done, I think.")) as on:
        task = await on.run()

    outcome = outcome_of(task)
    assert outcome.failure is Failure.PERMISSION_DENIED
    assert [denial.tool for denial in outcome.claimed.denials] == ["Bash"]
    assert outcome.executed is not None
    assert outcome.executed.exit_code == 0


async def test_a_rate_limit_that_passes_is_waited_out(tmp_path: Path) -> None:
    turn = say("At last.").after(refuse(429, times=2, retry_after_s=0))
    async with stage(tmp_path, turn) as on:
        task = await on.run()

    assert task.ok
    assert task.result == "At last."


async def test_an_overload_for_ever_is_named(tmp_path: Path) -> None:
    async with stage(tmp_path, refuse(529), CLAUDE_CODE_MAX_RETRIES="0") as on:
        task = await on.run()

    assert outcome_of(task).failure is Failure.OVERLOADED


async def test_a_stalled_stream_meets_the_idle_timer_and_nothing_stays(tmp_path: Path) -> None:
    async with stage(tmp_path, Stall()) as on:
        task = await on.run(idle_timeout_s=2)

    outcome = outcome_of(task)
    assert (outcome.failure, outcome.detail) == (Failure.TIMED_OUT, "idle")


async def test_a_silent_tool_is_no_stall(tmp_path: Path) -> None:
    # The CLI itself says something after 3 s, so the silence that counts is the 6 s after that.
    bash = use("Bash", command="sleep 9; echo woke", description="be silent")
    async with stage(tmp_path, bash, say("It woke.")) as on:
        task = await on.run(allowed_tools=["Bash"], idle_timeout_s=4)

    assert task.ok, outcome_of(task)
    assert task.result == "It woke."


async def test_a_prompt_that_is_too_long_is_named(tmp_path: Path) -> None:
    async with stage(tmp_path, prompt_too_long()) as on:
        task = await on.run()

    assert outcome_of(task).failure is Failure.CONTEXT_OVERFLOW


async def test_the_limit_of_turns_is_named(tmp_path: Path) -> None:
    async with stage(tmp_path, WRITE) as on:
        task = await on.run(max_turns=2)

    assert outcome_of(task).failure is Failure.MAX_TURNS


async def test_a_schema_is_answered_natively_and_validated_here(tmp_path: Path) -> None:
    async with stage(tmp_path, structured({"n": 3}), say("Done.")) as on:
        task = await on.run(json_schema=SCHEMA)

    assert task.ok, outcome_of(task)
    assert task.result == {"n": 3}
    assert outcome_of(task).verified.schema == "valid"


async def test_a_schema_that_the_model_ignores_is_a_violation(tmp_path: Path) -> None:
    async with stage(tmp_path, say("I would rather talk.")) as on:
        task = await on.run(json_schema=SCHEMA)

    outcome = outcome_of(task)
    assert outcome.failure is Failure.SCHEMA_VIOLATION
    assert outcome.verified.schema == "invalid"


async def test_a_killed_run_is_resumed_in_the_same_session_and_costs_only_its_own(
    tmp_path: Path,
) -> None:
    bash = use("Bash", command="touch started; tail -f /dev/null", description="hang")
    async with stage(tmp_path, say("Starting.") & bash, say("Finished.")) as on:
        submitted = await on.executor.submit(
            [{"prompt": PROMPT, "allowed_tools": ["Bash"]}], workspace=on.workspace
        )
        async with asyncio.timeout(20):
            while not (on.workspace / "started").exists():
                await asyncio.sleep(0.02)
            (attempt,) = await on.executor.engine._world.store.attempts(submitted.tasks[0].task_id)
            assert attempt.agent_session_id is not None
            while not is_on_disk(tmp_path / "home", attempt.agent_session_id):
                await asyncio.sleep(0.02)
        killed = (await on.executor.cancel(submitted.id, now=True)).tasks[0]
        session = outcome_of(killed).agent_session_id
        assert outcome_of(killed).failure is Failure.CANCELLED
        assert session is not None

        resumed = await on.run("go on", session_id=session)

    assert resumed.ok, outcome_of(resumed)
    assert resumed.result == "Finished."
    assert outcome_of(resumed).agent_session_id == session
    assert outcome_of(resumed).cost_usd == pytest.approx(0.005, abs=0.004)


async def test_without_a_login_nothing_is_started(tmp_path: Path) -> None:
    async with stage(tmp_path, say("Hello.")) as on:
        environ = {k: v for k, v in on.executor._environ.items() if k != "ANTHROPIC_API_KEY"}
        config = CCExecutorConfig(
            home=tmp_path / "state", settings={"claude_bin": str(bundled_claude())}
        )
        async with Executor(config, environ=environ) as without:
            with pytest.raises(AgentNotLoggedIn) as refusal:
                await without.submit([PROMPT], workspace=on.workspace)
            assert await without.list() == ()

    assert "ANTHROPIC_API_KEY" in refusal.value.hint


async def test_an_agent_sees_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "canary-in-our-environment")
    bash = use("Bash", command="env > seen", description="look")
    async with stage(tmp_path, bash, say("Done.")) as on:
        task = await on.run(allowed_tools=["Bash"])

    assert task.ok
    assert "canary" not in (on.workspace / "seen").read_text()


# --- a model that lies -------------------------------------------------------------------------------

CLAIMS = {
    "result": "All of it is done.",
    "summary": "Everything works, all tests pass.",
    "files_created": ["made.txt"],
    "files_modified": [],
}
ELSEWHERE = {**CLAIMS, "files_created": ["../outside.txt"]}
TESTS = "import sys; sys.exit(open('made.txt').read() != 'good\\n')"

#: What the model does and says, what its task asks for, and how it is found out.
LIES: dict[str, tuple[tuple[Turn, ...], dict[str, Any], Failure, str]] = {
    "a file that it never wrote": (
        (structured(CLAIMS), say("Done.")),
        {"json_schema": JSON_MODE},
        Failure.CLAIM_REFUTED,
        "made.txt (created): missing",
    ),
    "a file outside": (
        (structured(ELSEWHERE), say("Done.")),
        {"json_schema": JSON_MODE},
        Failure.CLAIM_REFUTED,
        "../outside.txt (created): outside",
    ),
    "a file that it has deleted again": (
        (
            WRITE,
            use("Bash", command="rm made.txt", description="tidy up"),
            structured(CLAIMS),
            say("Done."),
        ),
        {"json_schema": JSON_MODE, "allowed_tools": ["Bash"]},
        Failure.CLAIM_REFUTED,
        "made.txt (created): missing",
    ),
    "work that is expected": (
        (say("I have written made.txt."),),
        {"expects": {"files": ["made.txt"]}},
        Failure.EXPECTATION_FAILED,
        "files: made.txt: there is no such file",
    ),
    "tests that pass": (
        (WRITE, say("I ran the tests: they pass.")),
        {"checks": [[sys.executable, "-I", "-S", "-c", TESTS]]},
        Failure.CHECK_FAILED,
        "exit status 1",
    ),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_model_that_lies_is_never_reported_verified(tmp_path: Path, name: str) -> None:
    turns, fields, failure, word = LIES[name]
    async with stage(tmp_path, *turns) as on:
        task = await on.run(**fields)
        examination = await on.executor.verify(task.record.execution_id)

    outcome = outcome_of(task)
    assert outcome.claimed.is_error is False  # by its own account all is well
    assert not task.ok
    assert outcome.failure is failure, outcome
    assert word in (outcome.message or "")
    assert outcome.verified.status == "refuted"
    assert not examination.verified
    assert examination.intact, examination.proofs


async def test_a_model_that_tells_the_truth_is_verified_and_its_bundle_too(tmp_path: Path) -> None:
    async with stage(tmp_path, WRITE, structured(CLAIMS), say("Done.")) as on:
        task = await on.run(json_schema=JSON_MODE, checks=[["grep", "-q", "hello", "made.txt"]])
        bundle = tmp_path / "bundle.tar"
        await on.executor.export_bundle(task.record.execution_id, bundle)

    assert task.ok, outcome_of(task)
    assert outcome_of(task).verified.status == "verified"
    assert verify_bundle(bundle, workspace=on.workspace).verified
