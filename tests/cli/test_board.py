from __future__ import annotations

from cc_executor.cli.render.board import Board
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    LimitNotice,
    Message,
    Output,
    Thinking,
    ToolCall,
    ToolResult,
)
from cc_executor.model.lifecycle import TaskState
from tests.cli.fakes import AT, ID, execution, lifecycle, outcome, task


def from_agent(event: AgentEvent) -> FromAgent:
    return FromAgent(task_id=f"{ID}.1", attempt=1, seq=0, at=AT, event=event)


def board_after(*events: AgentEvent) -> Board:
    board = Board(execution(task(1, "api"), task(2, "tests")))
    board.apply(lifecycle("task.started"))
    board.apply(lifecycle("attempt.starting", attempt=1))
    for event in events:
        board.apply(from_agent(event))
    return board


def test_tasks_wait_until_an_event_says_otherwise() -> None:
    rows = Board(execution(task(1, "api"), task(2, "tests"))).rows(AT)

    assert [(row.progress.name, row.state, row.cost) for row in rows] == [
        ("api", TaskState.QUEUED, ""),
        ("tests", TaskState.QUEUED, ""),
    ]


def test_a_task_runs_pauses_goes_on_and_ends() -> None:
    board = board_after()
    states = []
    for kind in ("task.paused", "task.resumed", "task.retried", "task.succeeded"):
        board.apply(lifecycle(kind, seq=5, cost_usd=0.5))
        states.append(board.rows(AT)[0].state)

    assert states == [
        TaskState.PAUSED,
        TaskState.RUNNING,
        TaskState.RUNNING,
        TaskState.SUCCEEDED,
    ]
    row, other = board.rows(AT + 100)
    assert row.progress.elapsed_s == 4  # from its start to its end, not to now
    assert row.cost == "$0.5000"
    assert other.state is TaskState.QUEUED


def test_a_failure_says_why() -> None:
    board = board_after()
    board.apply(
        lifecycle("task.timed_out", failure="timed_out", detail="idle", message="9 s\nmore")
    )

    assert board.rows(AT)[0].doing == "timed_out (idle): 9 s"


def test_the_tool_that_is_open_is_what_the_agent_does() -> None:
    bash = ToolCall(id="1", name="Bash", summary="make test")
    read = ToolCall(id="2", name="Read", summary="app.py")

    assert board_after(bash).rows(AT)[0].doing == "Bash make test"
    assert board_after(bash, read).rows(AT)[0].doing == "Read app.py"
    assert (
        board_after(bash, read, ToolResult(id="2", ok=True)).rows(AT)[0].doing == "Bash make test"
    )


def test_what_it_says_is_what_it_does_when_no_tool_is_open() -> None:
    message = Message(text="I begin.\nSecond line")
    part = Message(text="Sec", partial=True)

    assert board_after(message, part).rows(AT)[0].doing == "I begin."
    assert board_after(message, Message(text=" ")).rows(AT)[0].doing == "I begin."
    assert board_after(Thinking(text="hm")).rows(AT)[0].doing == "thinking"


def test_waiting_for_the_model_is_shown() -> None:
    retry = ApiRetry(attempt=2, max_attempts=10, delay_s=4, status=529)
    limit = LimitNotice(status="rejected", resets_at=AT + 59)

    assert board_after(retry).rows(AT)[0].doing == "waits: model API: 529; retry 2 of 10 (4 s more)"
    assert (
        board_after(limit).rows(AT)[0].doing
        == "waits: the agent waits for its usage limit (59 s more)"
    )


def test_a_new_attempt_begins_with_nothing_open() -> None:
    board = board_after(ToolCall(id="1", name="Bash"))
    board.apply(lifecycle("attempt.starting", attempt=2))

    row, _ = board.rows(AT)
    assert (row.progress.attempt, row.progress.tool, row.doing) == (2, None, "attempt 2")


def test_the_last_line_of_a_program_is_what_it_does() -> None:
    board = Board(execution(task(1, command=["make"])))
    board.apply(lifecycle("task.started"))
    for seq, data in enumerate((b"compi", b"ling\nlinking\x1b[0m\npart")):
        board.apply(
            Output(
                task_id=f"{ID}.1", attempt=1, seq=seq, offset=0, at=AT, stream="stdout", data=data
            )
        )

    assert board.rows(AT)[0].doing == "linking\ufffd[0m"


def test_a_task_that_was_carried_over_says_so() -> None:
    carried = task(1, ended=outcome(), carried_from="01other.1")

    [row] = Board(execution(carried)).rows(AT)

    assert (row.state, row.doing) == (TaskState.SUCCEEDED, "carried over")
