from __future__ import annotations

import msgspec

from cc_executor.model.events import Cursor, FromAgent, Lifecycle, Turn
from cc_executor.model.records import TaskRecord
from cc_executor.model.specs import TaskSpec
from cc_executor.protocol.notifications import PROGRESS, TaskProgress
from cc_executor.protocol.pacing import Pace
from cc_executor.protocol.reading import StreamReader, Told

TASKS = [
    TaskRecord(id=f"01test.{n}", execution_id="01test", number=n, spec=TaskSpec(prompt="x"))
    for n in (1, 2)
]


def turn(number: int = 1) -> FromAgent:
    return FromAgent(task_id=f"01test.{number}", attempt=1, seq=0, at=0.0, event=Turn())


def told(pace: Pace, now_s: float) -> list[tuple[str, int]]:
    return [(one.task_id, one.turns) for one in pace.due(now_s, at=0.0)]


def test_the_first_progress_is_told_at_once_and_the_next_a_second_later() -> None:
    pace = Pace(TASKS)
    pace.take(turn())

    assert pace.wait_s(50.0) == 0.0
    assert told(pace, 50.0) == [("01test.1", 1)]
    pace.take(turn())
    pace.take(turn())
    assert told(pace, 50.9) == []
    assert pace.wait_s(50.75) == 0.25
    assert told(pace, 51.0) == [("01test.1", 3)]


def test_nothing_is_told_when_nothing_has_moved() -> None:
    pace = Pace(TASKS)
    pace.take(Lifecycle(seq=1, at=0.0, execution_id="01test", kind="execution.submitted"))

    assert (pace.wait_s(0.0), told(pace, 0.0), pace.rest(at=0.0)) == (None, [], [])


def test_tasks_do_not_wait_for_each_other() -> None:
    pace = Pace(TASKS)
    pace.take(turn(1))
    told(pace, 50.0)
    pace.take(turn(1))
    pace.take(turn(2))

    assert told(pace, 50.5) == [("01test.2", 1)]
    assert told(pace, 51.0) == [("01test.1", 2)]


def test_what_is_left_at_the_end_is_told_without_waiting() -> None:
    pace = Pace(TASKS)
    pace.take(turn())
    told(pace, 50.0)
    pace.take(turn())

    assert [one.turns for one in pace.rest(at=0.0)] == [2]
    assert pace.rest(at=0.0) == []


def test_who_follows_one_task_is_told_of_no_other() -> None:
    pace = Pace(TASKS, only="01test.2")
    pace.take(turn(1))
    pace.take(turn(2))

    assert told(pace, 0.0) == [("01test.2", 1)]


def test_a_reader_of_events_passes_over_progress() -> None:
    params = TaskProgress(
        subscription="s1",
        execution_id="01test",
        task_id="01test.1",
        at=0.0,
        progress=Pace(TASKS)._board.of("01test.1", at=0.0),
    )
    reader = StreamReader()

    assert reader.read(Told(PROGRESS, msgspec.Raw(msgspec.json.encode(params)))) is None
    assert reader.cursor == Cursor()
