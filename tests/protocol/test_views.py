from __future__ import annotations

import msgspec

from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.lists import task_list
from cc_executor.model.outcomes import Changes, Claimed, EndedBy, Executed, Outcome, Usage
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.results import ExecutionResult, TaskResult, result_of
from cc_executor.protocol.views import (
    ExecutionView,
    ListedView,
    TaskView,
    execution_view,
    listed_view,
    task_view,
)

ASKED = task_list(["one", {"command": ["false"]}, "three"], workspace="/w")
RECORD = ExecutionRecord(
    id="e",
    host=Host.SERVER,
    state=TaskState.FAILED,
    task_list=ASKED,
    created_at=1.0,
    ended_at=9.5,
    principal="me",
)
OUTCOMES = (
    Outcome(
        state=TaskState.SUCCEEDED,
        executed=Executed(ended_by=EndedBy.EXIT, exit_code=0, duration_s=2.0),
        claimed=Claimed(structured={"n": [1, None]}),
        changes=Changes(created=("a.py",)),
        cost_usd=0.25,
        usage=Usage(input_tokens=5),
        agent_session_id="s",
    ),
    Outcome(
        state=TaskState.FAILED,
        failure=Failure.EXIT_STATUS,
        executed=Executed(ended_by=EndedBy.EXIT, exit_code=3),
        claimed=Claimed(text="text"),
    ),
    None,
)
RESULT: ExecutionResult = result_of(
    RECORD,
    tuple(
        TaskRecord(
            id=f"e.{number}",
            execution_id="e",
            number=number,
            spec=spec,
            state=outcome.state if outcome else TaskState.SKIPPED,
            attempts=1 if outcome else 0,
            outcome=outcome,
        )
        for number, (spec, outcome) in enumerate(zip(ASKED.tasks, OUTCOMES, strict=True), start=1)
    ),
)


def test_an_execution_has_the_shape_that_the_reference_shows() -> None:
    view = execution_view(RESULT)
    wire = msgspec.json.decode(msgspec.json.encode(view))

    read = msgspec.convert(wire, ExecutionView)

    assert msgspec.to_builtins(read) == wire == RESULT.to_json()
    assert set(wire) == set(ExecutionView.__struct_fields__) - {"record"}
    assert [set(task) for task in wire["tasks"]] == [set(TaskView.__struct_fields__)] * 3


def test_a_task_has_the_shape_that_the_reference_shows() -> None:
    task: TaskResult = RESULT.tasks[0]

    assert msgspec.convert(task_view(task), TaskView).result == {"n": [1, None]}


def test_a_listed_execution_has_the_shape_that_the_reference_shows() -> None:
    view = listed_view(RECORD)

    assert set(view) == set(ListedView.__struct_fields__) - {"record"}
    assert msgspec.to_builtins(msgspec.convert(view, ListedView)) == view


def test_a_typed_client_gets_what_an_embedded_one_has() -> None:
    wire = msgspec.json.encode(execution_view(RESULT, records=True))

    assert msgspec.json.decode(wire, type=ExecutionView).record == RESULT


def test_a_typed_client_gets_the_records_of_a_list() -> None:
    wire = msgspec.json.encode(listed_view(RECORD, records=True))

    assert msgspec.json.decode(wire, type=ListedView).record == RECORD
