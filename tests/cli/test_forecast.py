"""`cc-executor forecast`, on a client that is a fake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cc_executor.cli.render.outlook import outlook_lines
from cc_executor.errors import ExecutionNotFound
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outlooks import NOTHING_LEFT, Outlook, TaskOutlook
from tests.cli.conftest import Run
from tests.cli.fakes import AT, ID, FakeExecutor, execution, task

LEARNED = Forecast(
    duration_s=Band(p50=41.2, p90=180.0, p99=400.0),
    cost_usd=Band(p50=0.02, p90=0.04, p99=0.3),
    turns=Band(p50=4.0, p90=9.0, p99=20.0),
    memory_bytes=Band(p50=2**28, p90=2**29, p99=2**30),
    timeout_s=500.0,
    observations=12,
    method="history: same prompt",
)
FORMULA = Forecast(duration_s=Band(p50=15.0, p90=30.0, p99=60.0), timeout_s=60.0, method="formula")
ONE = Outlook(forecast=LEARNED, tasks=(TaskOutlook(name="task-1", forecast=LEARNED),))


def text(outlook: Outlook) -> str:
    return "\n".join(line.plain for line in outlook_lines(outlook))


def test_a_prompt_is_forecast(run: Run) -> None:
    executor = FakeExecutor(expected=ONE)

    said = run(["forecast", "Say hello.", "--model", "opus", "--kind", "greeting"], executor)

    assert said.code == 0
    assert said.out.startswith("41 s; 9 of 10 within 3 min 00 s, 99 of 100 within 6 min 40 s\n")
    assert "history: same prompt, 12 runs" in said.out
    assert executor.calls("forecast_left") == []
    assert executor.calls("forecast") == [
        {
            "tasks": {
                "tasks": [{"prompt": "Say hello."}],
                "defaults": {"model": "opus", "kind": "greeting"},
            },
            "workspace": None,
            "sequential": True,
        }
    ]
    assert executor.calls("submit") == []


def test_the_only_word_may_be_an_execution(run: Run) -> None:
    left = Outlook(
        execution_id=ID,
        state=TaskState.RUNNING,
        forecast=LEARNED,
        tasks=(TaskOutlook(name="a", elapsed_s=3.0, forecast=LEARNED),),
    )
    executor = FakeExecutor(expected=left)

    said = run(["forecast", ID], executor)

    assert (said.code, said.out.partition(";")[0]) == (0, f"{ID} running: 41 s left")
    assert executor.calls("forecast_left") == [{"execution_id": ID}]
    assert executor.calls("forecast") == []


def test_a_word_that_is_no_execution_is_a_prompt(run: Run) -> None:
    executor = FakeExecutor(expected=ONE, refuses={"forecast_left": ExecutionNotFound("refactor")})

    assert run(["forecast", "refactor"], executor).code == 0
    [asked] = executor.calls("forecast")
    assert asked["tasks"]["tasks"] == [{"prompt": "refactor"}]


@pytest.mark.parametrize("arguments", [["--command", "--", "make"], ["-f", "FILE"]])
def test_what_cannot_be_an_execution_is_not_looked_up(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "list.json"
    file.write_text('{"tasks": ["a", {"command": ["true"], "kind": "check"}]}')
    executor = FakeExecutor(expected=ONE)

    said = run(["forecast", *(str(file) if one == "FILE" else one for one in arguments)], executor)

    assert said.code == 0
    assert executor.calls("forecast_left") == []
    assert len(executor.calls("forecast")) == 1


def test_machines_get_the_whole_object(run: Run) -> None:
    said = run(["forecast", "--json", "Say hello."], FakeExecutor(expected=ONE))

    assert json.loads(said.out) == ONE.to_json()
    assert json.loads(said.out)["forecast"]["total_tokens"] is None


def test_several_tasks_are_a_table_and_what_is_unknown_is_left_out() -> None:
    both = Outlook(
        forecast=FORMULA,
        tasks=(
            TaskOutlook(name="learned", forecast=LEARNED),
            TaskOutlook(name="new", forecast=FORMULA),
        ),
    )

    shown = text(both)

    assert "cost" not in shown.partition("TASK")[0]
    assert "formula (no history yet)" in shown
    [learned] = [line for line in shown.splitlines() if line.startswith("learned")]
    assert "$0.0200" in learned
    assert text(ONE).count("\n") == 5  # what is known of a single task is the whole


def test_an_ended_execution_has_nothing_left() -> None:
    ended = Outlook(execution_id=ID, state=TaskState.SUCCEEDED, forecast=NOTHING_LEFT, tasks=())
    assert text(ended) == f"{ID} succeeded: nothing is left"


def test_show_tells_what_a_task_was_expected_to_take(run: Run) -> None:
    shown = execution(task(state=TaskState.RUNNING, attempts=1, started_at=AT, forecast=LEARNED))
    executor = FakeExecutor(ended=shown)

    said = run(["show", f"{ID}.1"], executor)

    assert "41 s; 9 of 10 within 3 min 00 s" in said.out
    assert "history: same prompt, 12 runs" in said.out
