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
    rows = Board(execution(task(1, "api"), task(2, "tests"))).rows

    assert [(row.name, row.state, row.elapsed_s(AT)) for row in rows] == [
        ("api", TaskState.QUEUED, None),
        ("tests", TaskState.QUEUED, None),
    ]


def test_a_task_runs_pauses_goes_on_and_ends() -> None:
    board = board_after()
    states = []
    for kind in ("task.paused", "task.resumed", "task.retried", "task.succeeded"):
        board.apply(lifecycle(kind, seq=5, cost_usd=0.5))
        states.append(board.rows[0].state)

    assert states == [
        TaskState.PAUSED,
        TaskState.RUNNING,
        TaskState.RUNNING,
        TaskState.SUCCEEDED,
    ]
    assert board.rows[0].elapsed_s(AT + 100) == 4  # from its start to its end, not to now
    assert board.rows[0].cost_usd == 0.5
    assert board.rows[1].state is TaskState.QUEUED


def test_a_failure_says_why() -> None:
    board = board_after()
    board.apply(
        lifecycle("task.timed_out", failure="timed_out", detail="idle", message="9 s\nmore")
    )

    assert board.rows[0].why == "timed_out (idle): 9 s"


def test_the_tool_that_is_open_is_what_the_agent_does() -> None:
    bash = ToolCall(id="1", name="Bash", summary="make test")
    read = ToolCall(id="2", name="Read", summary="app.py")

    assert board_after(bash).rows[0].doing == "Bash make test"
    assert board_after(bash, read).rows[0].doing == "Read app.py"
    assert board_after(bash, read, ToolResult(id="2", ok=True)).rows[0].doing == "Bash make test"


def test_what_it_says_is_what_it_does_when_no_tool_is_open() -> None:
    message = Message(text="I begin.\nSecond line")
    part = Message(text="Sec", partial=True)

    assert board_after(message, part).rows[0].doing == "I begin."
    assert board_after(message, Message(text=" ")).rows[0].doing == "I begin."
    assert board_after(Thinking(text="hm")).rows[0].doing == "thinking"


def test_waiting_for_the_model_is_shown() -> None:
    retry = ApiRetry(attempt=2, max_attempts=10, delay_s=4, status=529)
    limit = LimitNotice(status="rejected", resets_at=AT)

    assert board_after(retry).rows[0].doing == "model API: 529; retry 2 of 10 in 4 s"
    assert board_after(limit).rows[0].doing == "waiting for the usage limit"


def test_a_new_attempt_begins_with_nothing_open() -> None:
    board = board_after(ToolCall(id="1", name="Bash"))
    board.apply(lifecycle("attempt.starting", attempt=2))

    assert (board.rows[0].attempt, board.rows[0].doing, board.rows[0].tools) == (2, "", {})


def test_the_last_line_of_a_program_is_what_it_does() -> None:
    board = Board(execution(task(1, command=["make"])))
    board.apply(lifecycle("task.started"))
    for seq, data in enumerate((b"compi", b"ling\nlinking\x1b[0m\npart")):
        board.apply(
            Output(
                task_id=f"{ID}.1", attempt=1, seq=seq, offset=0, at=AT, stream="stdout", data=data
            )
        )

    assert board.rows[0].doing == "linking\ufffd[0m"


def test_a_task_that_was_carried_over_says_so() -> None:
    carried = task(1, ended=outcome(), carried_from="01other.1")

    [row] = Board(execution(carried)).rows

    assert (row.state, row.doing) == (TaskState.SUCCEEDED, "carried over")
