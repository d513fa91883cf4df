"""`cc_execute` and its relatives, with a scripted agent in the place of the CLI."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cc_executor import (
    CCExecutorConfig,
    Progress,
    SchemaViolation,
    TaskFailed,
    TaskTimedOut,
    cc_execute,
    cc_execute_list,
    cc_execute_list_sync,
    cc_execute_sync,
    export_bundle,
    export_execution_history,
    generate_report,
    verify_bundle,
    verify_execution,
)
from cc_executor.client.execute import RunningLoop
from cc_executor.testing.fake_cli import install
from cc_executor.testing.scripted_agent import Script

Claude = Callable[[Script], CCExecutorConfig]

COST_USD = 0.25
ANSWER = (
    Script().claude_init().claude_text("Hello.").claude_result("Hello.", total_cost_usd=COST_USD)
)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    home.mkdir(mode=0o700)
    workspace.mkdir()

    def put(script: Script) -> CCExecutorConfig:
        path = install(tmp_path / "claude", script, lifetime_s=60)
        return CCExecutorConfig(
            home=home,
            workspace=str(workspace),
            env={"ANTHROPIC_API_KEY": "dummy"},  # else it would be asked for its login
            settings={"claude_bin": str(path)},
        )

    return put


async def test_the_answer_is_a_string(claude: Claude) -> None:
    assert await cc_execute("Say hello", config=claude(ANSWER)) == "Hello."


def test_the_sync_twins_do_the_same(claude: Claude) -> None:
    config = claude(ANSWER)

    assert cc_execute_sync("Say hello", config=config) == "Hello."
    assert [one.result for one in cc_execute_list_sync(["a", "b"], config=config)] == ["Hello."] * 2


async def test_a_sync_call_inside_a_loop_is_refused_not_deadlocked(claude: Claude) -> None:
    with pytest.raises(RunningLoop):
        cc_execute_sync("Say hello", config=claude(ANSWER))


async def test_json_mode_gives_an_object_with_what_is_known(claude: Claude) -> None:
    files = {"files_created": ["./real.txt"], "files_modified": []}
    said = {"result": "42", "summary": "Counted.", **files}
    script = (
        Script()
        .claude_init()
        .write_file("real.txt", "x")
        .claude_result("x", structured_output=said)
    )

    data = await cc_execute("Count", json_mode=True, config=claude(script))

    assert isinstance(data, dict)
    assert data["result"] == "42"
    assert data["summary"] == "Counted."
    assert data["files_created"] == ["real.txt"]  # from the disk, not from the claim
    assert data["claimed"]["files_created"] == ["./real.txt"]
    assert data["verified"] == {"status": "verified", "files": {"real.txt": "ok"}, "checks": []}
    assert data["execution_uuid"]
    assert data["session_id"]


async def test_an_answer_that_breaks_the_schema_raises_and_says_where(claude: Claude) -> None:
    script = Script().claude_init().claude_result("x", structured_output={"n": "three"})

    with pytest.raises(SchemaViolation) as violation:
        await cc_execute("Count", json_schema=SCHEMA, config=claude(script))

    assert "$.n" in str(violation.value)


async def test_json_in_the_text_is_found_when_the_agent_has_no_native_way(claude: Claude) -> None:
    text = 'Sure:\n```json\n{"n": 3}\n```\n'
    script = Script().claude_init().claude_text(text).claude_result(text)

    data = await cc_execute("Count", json_schema=SCHEMA, config=claude(script))

    assert isinstance(data, dict)
    assert data["result"] == {"n": 3}


async def test_a_failure_raises_with_the_outcome_and_never_returns_partial_text(
    claude: Claude,
) -> None:
    script = Script().claude_init().claude_text("half an answer").exit(1)

    with pytest.raises(TaskFailed) as failed:
        await cc_execute("Say hello", config=claude(script))

    assert failed.value.outcome.failure == "no_result"
    assert failed.value.partial_output == "half an answer"


async def test_a_timeout_raises_with_the_partial_output(claude: Claude) -> None:
    script = Script().claude_init().claude_text("half").hang()

    with pytest.raises(TaskTimedOut) as timed_out:
        await cc_execute("Say hello", timeout=1, config=claude(script))

    assert timed_out.value.outcome.detail == "total"
    assert timed_out.value.partial_output == "half"


async def test_a_result_that_does_not_leave_is_kept_and_its_process_is_not(claude: Claude) -> None:
    config = claude(ANSWER.hang())
    config = CCExecutorConfig(
        home=config.home,
        workspace=config.workspace,
        env=config.env,
        settings={**config.settings, "grace_s": "0.3"},
    )

    assert await cc_execute("Say hello", config=config) == "Hello."


async def test_progress_goes_to_sync_and_async_callables_and_their_errors_are_their_own(
    claude: Claude,
) -> None:
    seen: list[Progress] = []

    async def slow(progress: Progress) -> None:
        await asyncio.sleep(0)
        seen.append(progress)

    def broken(progress: Progress) -> None:
        raise ValueError(progress)

    config = claude(ANSWER)
    assert await cc_execute("x", config=config, progress_callback=slow) == "Hello."
    assert await cc_execute("x", config=config, progress_callback=broken) == "Hello."
    assert await cc_execute("x", config=config, progress_callback=seen.append) == "Hello."

    assert "Hello." in [progress.last_text for progress in seen]
    assert [one.events for one in seen if one.kind == "task.started"] == [1, 1]
    assert [one.cost_usd for one in seen if one.kind == "attempt.ended"] == [COST_USD] * 2
    assert all(one.turns == 1 and one.tokens for one in seen if one.kind == "task.succeeded")


async def test_text_can_be_streamed_as_it_comes(claude: Claude) -> None:
    said: list[str] = []

    await cc_execute("x", config=claude(ANSWER), stream=said.append)

    assert said == ["Hello."]


async def test_a_list_returns_a_result_for_each_also_for_what_failed(claude: Claude) -> None:
    results = await cc_execute_list(
        [{"prompt": "one", "timeout": 0.5}, "two", "three"],
        config=claude(Script().claude_init().hang()),
        stop_on_failure=True,
    )

    assert [one.ok for one in results] == [False, False, False]
    assert results[1].state == "skipped"


async def test_what_is_to_be_checked_is_said_in_the_call(claude: Claude) -> None:
    config = claude(ANSWER)

    with pytest.raises(TaskFailed) as failed:
        await cc_execute("x", expects={"files": ["app.py"]}, config=config)
    with pytest.raises(TaskFailed) as unchecked:
        await cc_execute("x", checks=[["false"]], config=config)

    assert failed.value.outcome.failure == "expectation_failed"
    assert unchecked.value.outcome.failure == "check_failed"
    assert await cc_execute("x", checks=[["true"]], config=config) == "Hello."


async def test_what_is_to_be_checked_holds_for_each_task_that_says_nothing_else(
    claude: Claude,
) -> None:
    good, bad = await cc_execute_list(
        [{"prompt": "x", "checks": [["true"]]}, "y"], checks=[["false"]], config=claude(ANSWER)
    )

    assert (good.ok, bad.ok) == (True, False)
    findings = bad.to_json()["findings"]
    assert findings["checks"][0]["argv"] == ["false"]
    assert findings["checks"][0]["reason"] == "exit status 1"


async def test_a_report_is_written_when_it_is_wanted_also_of_a_failure(
    claude: Claude, tmp_path: Path
) -> None:
    config = claude(Script().claude_init().claude_result("x", structured_output={"n": 3}))

    data = await cc_execute("x", json_schema=SCHEMA, generate_report=True, config=config)
    with pytest.raises(TaskFailed):
        await cc_execute("x", checks=[["false"]], generate_report=tmp_path / "r.md", config=config)

    assert isinstance(data, dict)
    assert Path(data["report"]).read_text().startswith(f"# Execution {data['execution_uuid']}")
    assert "Failure: `check_failed`" in (tmp_path / "r.md").read_text()


async def test_evidence_by_one_call_each(claude: Claude, tmp_path: Path) -> None:
    config = claude(ANSWER)
    await cc_execute("x", checks=[["true"]], execution_uuid="mine", config=config)

    examination = await verify_execution("mine", config=config)
    root = await export_bundle("mine", tmp_path / "b.tar", config=config)
    report = await generate_report("mine", config=config)

    assert examination.verified
    assert verify_bundle(tmp_path / "b.tar").verified
    assert len(root) == 64
    assert "**Verified.**" in report
    assert json.loads(await generate_report("mine", "json", config=config))["title"] == ""


async def test_history_is_exported_as_json_and_csv(claude: Claude) -> None:
    config = claude(ANSWER)
    await cc_execute("x", config=config, execution_uuid="mine")

    rows: list[dict[str, Any]] = json.loads(await export_execution_history("json", config=config))
    table = list(csv.DictReader(io.StringIO(await export_execution_history("csv", config=config))))

    assert [row["execution_id"] for row in rows] == ["mine"]
    assert [row["execution_id"] for row in table] == ["mine"]
    assert table[0]["state"] == rows[0]["state"] == "succeeded"


async def test_hostile_prompts_arrive_byte_for_byte_and_start_nothing(
    claude: Claude, tmp_path: Path
) -> None:
    """FINDINGS R4: 500 hostile strings, each through its own process."""
    pieces = ["$(touch pwned)", "`touch pwned`", "; touch pwned", "| touch pwned", "&& touch pwned"]
    pieces += ['"; touch pwned; "', "'; touch pwned; '", "\\", "\n", "\r\n", "\t", "--help", "-p"]
    pieces += [
        "%s",
        "{}",
        "${HOME}",
        "\x1b[2J",
        "\u202e",
        "é",
        "\U0001d54f",
        "\x7f",
        "*",
        "~",
        "!!",
        "<(x)",
    ]
    strings = [f"{first}{second}" for first in pieces for second in pieces[:20]][:500]
    assert len(strings) == 500
    config = claude(Script().cat().exit(0))
    config = CCExecutorConfig(
        home=config.home,
        workspace=config.workspace,
        env=config.env,
        settings={**config.settings, "max_concurrency": "8"},
    )

    results = await cc_execute_list(
        [{"prompt": f"x{text}"} for text in strings],
        config=config,
        sequential=False,
        stop_on_failure=False,
    )

    assert len(results) == 500
    for result, text in zip(results, strings, strict=True):
        folder = tmp_path / "home" / "executions" / result.task_id.replace(".", "/") / "1"
        assert (folder / "output").read_bytes() == f"x{text}".encode()
    assert list((tmp_path / "workspace").iterdir()) == []
