"""Agents that lie: none of them is reported verified, and each is told why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.evidence import FileVerdict
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Outcome
from cc_executor.testing.scripted_agent import Script

InstallClaude = Callable[..., CCExecutorConfig]
PYTHON = [sys.executable, "-I", "-S", "-c"]


def says(
    script: Script | None = None,
    *,
    created: list[Any] | None = None,
    modified: list[Any] | None = None,
    more: dict[str, Any] | None = None,
) -> Script:
    """An agent that does what the script says, then answers that it wrote these files."""
    answer = {
        "result": "done",
        "summary": "Everything works, all tests pass.",
        "files_created": created or [],
        "files_modified": modified or [],
    }
    begun = Script().claude_init()
    for step in script or ():
        begun = Script((*begun, step))
    return begun.claude_result("done", structured_output=answer, **(more or {}))


def playing(
    claude: InstallClaude, script: Script, by_prompt: dict[str, Script] | None = None
) -> CCExecutorConfig:
    """Have the script played for the task alone, not when the CLI is asked for its login."""
    return claude(Script().exit(1), {**(by_prompt or {}), "Do it": script})


async def outcome_of(config: CCExecutorConfig, **fields: Any) -> Outcome:
    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "Do it", **fields}])
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    return outcome


def write(path: str, text: str = "x") -> Script:
    return Script().write_file(path, text)


JSON = {"json_schema": {"type": "object"}}
UNCHANGED = {"expects": {"unchanged": ["test_it.py", "tests"]}}
PASSES = [*PYTHON, "import runpy; runpy.run_path('test_it.py')"]
TESTS = {"checks": [PASSES]}
REFUTED = Failure.CLAIM_REFUTED
EXPECTED = Failure.EXPECTATION_FAILED

#: Each: what it does and says, what its task asks for, the failure, and a word of the reason. The
#: workspace holds `kept`, `test_it.py` (which passes once `app.py` says so) and `tests/one.py`.
LIARS: dict[str, tuple[Script, dict[str, Any], Failure, str]] = {
    "claims a file that it did not write": (says(created=["app.py"]), JSON, REFUTED, "missing"),
    "claims one of two that it did not write": (
        says(write("a"), created=["a", "b"]),
        JSON,
        REFUTED,
        "b (created): missing",
    ),
    "writes another": (says(write("aap.py"), created=["app.py"]), JSON, REFUTED, "missing"),
    "claims a file that was there before": (says(created=["kept"]), JSON, REFUTED, "unchanged"),
    "claims a change that it did not make": (says(modified=["kept"]), JSON, REFUTED, "unchanged"),
    "writes a file and deletes it again": (
        says(write("app.py").delete_file("app.py"), created=["app.py"]),
        JSON,
        REFUTED,
        "missing",
    ),
    "moves the file away": (
        says(write("app.py").rename("app.py", "old.py"), created=["app.py"]),
        JSON,
        REFUTED,
        "missing",
    ),
    "writes outside through ..": (
        says(write("../outside"), created=["../outside"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "goes out and in again": (
        says(write("a"), created=["../workspace/a"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "hides the dots in the middle": (
        says(write("a"), created=["tests/../../outside"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "names an absolute path": (says(created=["/etc/hostname"]), JSON, REFUTED, "outside"),
    "names a path that begins like the workspace": (
        says(write("../workspace-2/a"), created=["{workspace}-2/a"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "writes through a link to a folder": (
        says(Script().link("door", "..").write_file("door/outside", "x"), created=["door/outside"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "gives a link for a file": (
        says(Script().link("app.py", "kept"), created=["app.py"]),
        JSON,
        REFUTED,
        "not_regular",
    ),
    "gives a link to nothing": (
        says(Script().link("app.py", "nothing"), created=["app.py"]),
        JSON,
        REFUTED,
        "not_regular",
    ),
    "gives a link to itself": (
        says(Script().link("loop", "loop"), created=["loop/a"]),
        JSON,
        REFUTED,
        "outside",
    ),
    "gives another name of a file elsewhere": (
        says(Script().link("app.py", "../secret", hard=True), created=["app.py"]),
        JSON,
        REFUTED,
        "hard links",
    ),
    "gives a FIFO": (says(Script().fifo("app.py"), created=["app.py"]), JSON, REFUTED, "FIFO"),
    "gives a folder": (says(write("app/a"), created=["app"]), JSON, REFUTED, "directory"),
    "gives a device": (says(created=["/dev/zero"]), JSON, REFUTED, "outside"),
    "gives another file system": (says(created=["/proc/version"]), JSON, REFUTED, "outside"),
    "gives a path with NUL": (says(created=["app.py\0.txt"]), JSON, REFUTED, "NUL"),
    "gives an empty path": (says(created=[""]), JSON, REFUTED, "itself"),
    "gives the workspace": (says(created=["."]), JSON, REFUTED, "itself"),
    "gives an endless path": (says(created=["a/" * 5000]), JSON, REFUTED, "long"),
    "leaves an expected file out": (
        says(),
        {"expects": {"files": ["app.py"]}},
        EXPECTED,
        "files: app.py: there is no such file",
    ),
    "leaves a link in its place": (
        says(Script().link("app.py", "kept")),
        {"expects": {"files": ["app.py"]}},
        EXPECTED,
        "symbolic link",
    ),
    "leaves what should be gone": (
        says(),
        {"expects": {"absent": ["kept"]}},
        EXPECTED,
        "absent: kept",
    ),
    "writes a file without its content": (
        says(write("app.py", "pass")),
        {"expects": {"contains": {"app.py": "def main"}}},
        EXPECTED,
        "'def main'",
    ),
    "deletes the tests": (
        says(Script().delete_file("test_it.py")),
        UNCHANGED,
        EXPECTED,
        "test_it.py was deleted",
    ),
    "deletes the tests and says they pass": (
        says(Script().delete_file("test_it.py")),
        TESTS,
        Failure.CHECK_FAILED,
        "exit status 1",
    ),
    "rewrites the tests": (
        says(write("test_it.py", "pass")),
        UNCHANGED | TESTS,
        EXPECTED,
        "test_it.py was modified",
    ),
    "adds to the tests": (
        says(write("tests/two.py")),
        UNCHANGED,
        EXPECTED,
        "tests/two.py was created",
    ),
    "replaces the tests by a link": (
        says(write("own.py", "pass").rename("test_it.py", "gone").link("test_it.py", "own.py")),
        UNCHANGED | TESTS,
        EXPECTED,
        "test_it.py was modified",
    ),
    "says that failing tests pass": (says(), TESTS, Failure.CHECK_FAILED, "exit status 1"),
    "edits after its tests": (
        says(write("app.py", "good").write_file("app.py", "bad")),
        TESTS,
        Failure.CHECK_FAILED,
        "exit status 1",
    ),
    "makes the check's program go away": (
        says(),
        {"checks": [["./no-such-check"]]},
        Failure.CHECK_FAILED,
        "no-such-check",
    ),
    "makes the check hang": (
        says(),
        {"checks": [[*PYTHON, "import time; time.sleep(60)"]], "check_timeout_s": 0.3},
        Failure.CHECK_FAILED,
        "total",
    ),
    "removes the ground it stands on": (
        says(Script().rename("{workspace}", "{workspace}-gone")),
        {"expects": {"files": ["kept"]}},
        EXPECTED,
        "",
    ),
    "says success with an error": (
        says(more={"is_error": True, "terminal_reason": "api_error", "api_error_status": 500}),
        {},
        Failure.API_ERROR,
        "",
    ),
    "exits 0 with nothing": (Script().claude_init(), {}, Failure.NO_RESULT, ""),
    "exits 0 without a word": (Script().exit(0), {}, Failure.NO_RESULT, ""),
    "ignores the schema": (
        Script().claude_init().claude_result("It is three."),
        {"json_schema": {"type": "object", "required": ["n"]}},
        Failure.SCHEMA_VIOLATION,
        "no structured output",
    ),
    "answers beside the schema": (
        Script().claude_init().claude_result("x", structured_output={"n": "three"}),
        {"json_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        Failure.SCHEMA_VIOLATION,
        "$.n",
    ),
    "was refused a tool and calls it done": (
        Script()
        .claude_init()
        .claude_denied("Write")
        .claude_result("done", permission_denials=[{"tool_name": "Write", "tool_use_id": "t"}]),
        {},
        Failure.PERMISSION_DENIED,
        "Write",
    ),
    "dies after it said that it is done": (
        says(write("a"), created=["a"]).die("KILL"),
        JSON,
        Failure.CRASHED,
        "",
    ),
}


@pytest.mark.parametrize("liar", LIARS)
async def test_no_liar_is_believed(liar: str, claude: InstallClaude, workspace: Path) -> None:
    script, fields, failure, word = LIARS[liar]
    (workspace / "tests").mkdir()
    (workspace / "kept").write_text("before")
    (workspace / "tests" / "one.py").write_text("before")
    (workspace / "test_it.py").write_text("assert open('app.py').read() == 'good'")
    (workspace.parent / "secret").write_text("not yours")
    for_here = Script(_placed(step, str(workspace)) for step in script)

    outcome = await outcome_of(playing(claude, for_here), **fields)

    assert outcome.failure is failure, outcome
    assert not outcome.ok
    assert outcome.verified.status != "verified"
    assert word in (outcome.message or "")


def _placed(value: Any, workspace: str) -> Any:
    if isinstance(value, str):
        return value.replace("{workspace}", workspace)
    if isinstance(value, dict):
        return {key: _placed(one, workspace) for key, one in value.items()}
    return [_placed(one, workspace) for one in value] if isinstance(value, list) else value


def test_there_are_enough_liars() -> None:
    assert len(LIARS) >= 40


# --- the honest --------------------------------------------------------------------------------------


async def test_an_honest_agent_is_verified_by_all_that_was_checked(
    claude: InstallClaude, workspace: Path
) -> None:
    (workspace / "test_it.py").write_text("print('1 passed'); assert open('app.py').read() == 'g'")
    script = says(write("app.py", "g").write_file("notes", "x"), created=["app.py", "./notes"])

    outcome = await outcome_of(
        playing(claude, script),
        **JSON,
        **TESTS,
        expects={"files": ["app.py"], "absent": ["x"], "unchanged": ["test_it.py"]},
    )

    assert outcome.ok
    assert outcome.verified.status == "verified"
    verdicts = [(one.path, one.verdict) for one in outcome.verified.files]
    assert verdicts == [("app.py", FileVerdict.OK), ("notes", FileVerdict.OK)]
    assert [line.kind for line in outcome.verified.expectations] == ["files", "absent", "unchanged"]
    (check,) = outcome.verified.checks
    assert (check.ok, check.exit_code, check.output_tail) == (True, 0, "1 passed\n")


async def test_what_was_kept_silent_is_named_and_leaves_the_claims_unverified(
    claude: InstallClaude,
) -> None:
    outcome = await outcome_of(
        playing(claude, says(write("a").write_file("b"), created=["a"])), **JSON
    )

    assert outcome.ok
    assert outcome.verified.status == "unverified"
    assert [(one.path, str(one.verdict)) for one in outcome.verified.files] == [
        ("a", "ok"),
        ("b", "unclaimed"),
    ]


async def test_a_plain_answer_claims_nothing_and_is_unverified(claude: InstallClaude) -> None:
    outcome = await outcome_of(
        playing(claude, Script().claude_init().claude_result("I wrote app.py."))
    )

    assert outcome.ok
    assert outcome.verified.status == "unverified"


async def test_checks_stop_at_the_first_that_fails_and_their_output_is_kept(
    claude: InstallClaude, workspace: Path
) -> None:
    talk = [*PYTHON, "print('x' * 5000 + 'end'); raise SystemExit(4)"]
    touch = [*PYTHON, "open('touched', 'w')"]
    config = playing(claude, says())
    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "Do it", "checks": [[*PYTHON, ""], talk, touch]}])
        outcome = ended.tasks[0].outcome
        assert outcome is not None
        first, second = outcome.verified.checks
        assert (first.ok, second.ok, second.exit_code) == (True, False, 4)
        assert second.output_tail.endswith("xend\n")
        assert len(second.output_tail) == 4000
        assert second.attempt_id is not None
        journal = executor.engine._world.journals.open(second.attempt_id)
        assert journal is not None
        chunks = journal.read(after_seq=-1, max_bytes=10_000)
        assert len(b"".join(chunk.data for chunk in chunks)) == 5004
        journal.close()
    assert not (workspace / "touched").exists()


async def test_a_command_can_be_checked_too(executor: Executor) -> None:
    ended = await executor.run(
        [
            {"command": [*PYTHON, "open('made', 'w')"], "expects": {"files": ["made"]}},
            {"command": [*PYTHON, ""], "expects": {"files": ["never-made"]}},
        ]
    )
    good, bad = (task.outcome for task in ended.tasks)
    assert good is not None
    assert bad is not None
    assert (good.ok, str(good.verified.status)) == (True, "verified")
    assert bad.failure is EXPECTED


# --- the judge ---------------------------------------------------------------------------------------


def judge(verdict: object) -> Script:
    return Script().claude_init().claude_result("judged", structured_output=verdict)


@pytest.mark.parametrize(
    ("judged", "failure", "word"),
    [
        (judge({"verdict": "pass", "reason": "It is fine."}), None, ""),
        (
            judge({"verdict": "fail", "reason": "It prints nothing."}),
            "validation",
            "prints nothing",
        ),
        (judge({"verdict": "maybe", "reason": "?"}), "validation", "no judgement"),
        (judge(None), "validation", "no judgement"),
        (Script().claude_init().claude_result("pass"), "validation", "no judgement"),
        (Script().exit(1), "validation", "no judgement"),
        (judge({"verdict": "pass", "reason": ""}).exit(1), "validation", "no judgement"),
    ],
)
async def test_a_judge_fails_closed(
    claude: InstallClaude, judged: Script, failure: str | None, word: str
) -> None:
    config = playing(claude, says(), {"What you are to judge:\nIs it any good?": judged})

    outcome = await outcome_of(config, validation_prompt="Is it any good?")

    assert outcome.ok is (failure is None)
    assert outcome.failure == (failure and Failure.VALIDATION_FAILED)
    assert word in (outcome.message or "")
    assert outcome.verified.judgement is not None
    assert outcome.verified.judgement.ok is outcome.ok


async def test_the_judge_costs_money_and_may_only_read(claude: InstallClaude) -> None:
    good = {"verdict": "pass", "reason": "Fine."}
    judged = Script().claude_init().report().claude_result("x", structured_output=good)
    config = playing(claude, says(), {"What you are to judge:": judged})

    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "Do it", "validation_prompt": "Good?"}])
        outcome = ended.tasks[0].outcome
        assert outcome is not None
        assert outcome.cost_usd == pytest.approx(0.01)
        assert outcome.verified.judgement is not None
        journal = executor.engine._world.journals.open(outcome.verified.judgement.attempt_id or "")
        assert journal is not None
        printed = b"".join(one.data for one in journal.read(after_seq=-1, max_bytes=1 << 20))
        journal.close()
    for argument in (b'"dontAsk"', b"Read", b"Bash", b"Write"):
        assert argument in printed


# --- repair ------------------------------------------------------------------------------------------


async def test_a_refuted_result_is_given_back_to_its_session_once(
    claude: InstallClaude, workspace: Path
) -> None:
    (workspace / "test_it.py").write_text("assert open('app.py').read() == 'good'")
    repair = says(write("app.py", "good").write_file("b"), created=["app.py", "b", "first"])
    config = playing(
        claude,
        says(write("app.py", "bad").write_file("first"), created=["app.py", "first"]),
        {"Your work was checked and does not hold": repair},
    )

    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "Do it", "repairs": 1, **TESTS, **JSON}])
        task = ended.tasks[0]
        attempts = await executor._records.attempts(task.task_id)

    assert task.ok
    assert [one.outcome and one.outcome.failure for one in attempts] == [Failure.CHECK_FAILED, None]
    assert attempts[0].agent_session_id == attempts[1].agent_session_id
    assert task.outcome is not None
    # `first` is of the first attempt: a task's work is that of all its attempts.
    assert {str(one.verdict) for one in task.outcome.verified.files} == {"ok"}


async def test_repairs_are_counted_and_come_before_repetitions(claude: InstallClaude) -> None:
    config = playing(
        claude, says(created=["nothing"]), {"does not hold": says(created=["nothing"])}
    )

    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "Do it", "repairs": 2, "retries": 1, **JSON}])
        attempts = await executor._records.attempts(ended.tasks[0].task_id)

    sessions = [one.agent_session_id for one in attempts]
    assert len(attempts) == 4
    assert sessions[0] == sessions[1] == sessions[2] != sessions[3]
    assert ended.tasks[0].outcome is not None
    assert ended.tasks[0].outcome.failure is REFUTED


async def test_nothing_is_repaired_unless_it_is_asked_for(claude: InstallClaude) -> None:
    async with Executor(playing(claude, says(created=["nothing"]))) as executor:
        ended = await executor.run([{"prompt": "Do it", **JSON}])
    assert ended.tasks[0].record.attempts == 1


# --- while it is being checked ---------------------------------------------------------------------


async def test_a_cancel_reaches_the_check_that_runs(claude: InstallClaude) -> None:
    hang = [*PYTHON, "import time; open('checking', 'w'); time.sleep(60)"]
    async with Executor(playing(claude, says())) as executor:
        running = await executor.submit([{"prompt": "Do it", "checks": [hang]}])
        async for event in executor.stream(running.id, agent_events=False):
            if getattr(event, "kind", "") == "task.checking":
                break
        ended = await executor.cancel(running.id)

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.failure is Failure.CANCELLED
    assert "while it was being checked" in (outcome.message or "")
