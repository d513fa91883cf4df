"""What a task list does, with real processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cc_executor.client.executor import Executor
from cc_executor.errors import DuplicateExecution, InvalidSpec, NothingToContinue
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.testing.scripted_agent import Script


def append(name: str) -> list[str]:
    code = f"open('order', 'a').write('{name} ')"
    return [sys.executable, "-I", "-S", "-c", code]


async def test_tasks_run_one_after_the_other_each_in_a_process_of_its_own(
    executor: Executor, workspace: Path
) -> None:
    report = Script().report().argv()

    ended = await executor.run([{"command": report}, {"command": append("b")}, {"command": report}])

    assert ended.ok
    first, _, third = (task.result for task in ended.tasks)
    assert first is not None
    assert first != third  # another process id
    assert (workspace / "order").read_text() == "b "


async def test_the_list_stops_at_a_failure_and_says_why_the_rest_was_skipped(
    executor: Executor, workspace: Path
) -> None:
    ended = await executor.run(
        [
            {"name": "good", "command": append("good")},
            {"name": "bad", "command": Script().exit(3).argv()},
            {"name": "never", "command": append("never")},
        ]
    )

    good, bad, never = ended.tasks
    assert [task.state for task in ended.tasks] == ["succeeded", "failed", "skipped"]
    assert ended.state is TaskState.FAILED
    assert bad.outcome is not None
    assert bad.outcome.failure is Failure.EXIT_STATUS
    assert bad.outcome.executed is not None
    assert bad.outcome.executed.exit_code == 3
    assert never.outcome is not None
    assert "'bad'" in (never.outcome.message or "")
    assert good.ok
    assert (workspace / "order").read_text() == "good "


async def test_with_stop_on_failure_off_only_what_needs_the_failed_one_is_skipped(
    executor: Executor, workspace: Path
) -> None:
    ended = await executor.run(
        [
            {"name": "bad", "command": Script().exit(1).argv(), "needs": []},
            {"name": "needs-it", "command": append("no"), "needs": ["bad"]},
            {"name": "free", "command": append("free"), "needs": []},
        ],
        stop_on_failure=False,
    )

    assert [task.state for task in ended.tasks] == ["failed", "skipped", "succeeded"]
    assert (workspace / "order").read_text() == "free "


async def test_a_later_task_gets_the_result_of_an_earlier_one(executor: Executor) -> None:
    ended = await executor.run(
        [
            {"name": "one", "command": Script().line("forty-two").argv()},
            {"name": "two", "command": ["echo", "got {{ tasks.one.result }}"]},
        ]
    )

    assert ended.tasks[1].result.strip() == "got forty-two"


async def test_continuing_runs_only_what_is_not_done_and_carries_the_rest_over(
    executor: Executor, workspace: Path
) -> None:
    gate = workspace / "gate"
    code = "import os, sys; sys.exit(0 if os.path.exists('gate') else 1)"
    check = [sys.executable, "-I", "-S", "-c", code]
    first = await executor.run(
        [
            {"name": "once", "command": append("once")},
            {"name": "gated", "command": check},
            {"name": "last", "command": append("{{ tasks.once.state }}")},
        ]
    )
    assert not first.ok
    gate.touch()

    second = await executor.wait((await executor.continue_(first.id)).id)

    assert second.ok
    assert second.record.continues == first.id
    assert [task.record.carried_from for task in second.tasks] == [f"{first.id}.1", None, None]
    assert (workspace / "order").read_text() == "once succeeded "
    with pytest.raises(NothingToContinue):
        await executor.continue_(second.id)


async def test_files_are_seen_on_disk_whatever_the_program_says(
    executor: Executor, workspace: Path
) -> None:
    (workspace / "old").write_text("old")
    code = "open('new', 'w').write('n'); open('old', 'a').write('er')"

    ended = await executor.run([{"command": [sys.executable, "-I", "-S", "-c", code]}])

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.changes.created == ("new",)
    assert outcome.changes.modified == ("old",)
    assert outcome.changes.complete


async def test_an_execution_id_is_given_out_once(executor: Executor) -> None:
    await executor.run([{"command": ["true"]}], execution_id="mine")

    with pytest.raises(DuplicateExecution):
        await executor.submit([{"command": ["true"]}], execution_id="mine")


async def test_a_list_that_cannot_run_leaves_nothing_behind(executor: Executor) -> None:
    with pytest.raises(InvalidSpec):
        await executor.submit([{"command": ["true"]}, {"comand": ["true"]}])

    assert await executor.list() == ()


async def test_tasks_without_needs_run_side_by_side(executor: Executor) -> None:
    meet = [
        {"command": Script().touch("a").wait_for_file("b").argv()},
        {"command": Script().touch("b").wait_for_file("a").argv()},
    ]

    ended = await executor.run(meet, sequential=False)

    assert ended.ok


async def test_a_failed_attempt_is_repeated_as_often_as_the_task_allows(
    executor: Executor, workspace: Path
) -> None:
    code = (
        "import os; n = len(os.listdir('tries')); open(f'tries/{n}', 'w');"
        "n < 1 and os.kill(os.getpid(), 11)"
    )
    (workspace / "tries").mkdir()

    ended = await executor.run(
        [{"command": [sys.executable, "-I", "-S", "-c", code], "retries": 2}]
    )

    assert ended.ok
    assert ended.tasks[0].record.attempts == 2
