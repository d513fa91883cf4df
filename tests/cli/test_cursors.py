from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.cli.cursors import Place, after, parse, place
from cc_executor.cli.render.output import OutputRefused
from cc_executor.errors import InvalidCursor
from cc_executor.model.events import Cursor, FromAgent, Message, Output, StreamEvent
from tests.cli.fakes import AT, ID, lifecycle


def output(seq: int, *, number: int = 1) -> Output:
    return Output(
        task_id=f"{ID}.{number}",
        attempt=1,
        seq=seq,
        offset=0,
        at=AT,
        stream="stdout",
        data=b"x",
    )


def said(seq: int) -> FromAgent:
    return FromAgent(task_id=f"{ID}.1", attempt=1, seq=seq, at=AT, event=Message(text="x"))


def test_a_cursor_moves_with_what_has_been_seen() -> None:
    cursor = Cursor()
    seen: list[StreamEvent] = [
        lifecycle("task.started", seq=3),
        output(0),
        said(0),
        output(1),
        output(0, number=2),
    ]
    for event in seen:
        cursor = after(cursor, event)

    assert cursor == Cursor(seq=3, chunks={f"{ID}.1.1": 1, f"{ID}.2.1": 0})


def test_a_reader_finds_its_place_again(tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    first = place(None, file, with_agent_events=False)
    first.shown(lifecycle("task.started", seq=3))
    first.shown(output(4))

    assert place(None, file, with_agent_events=False).cursor == Cursor(
        seq=3, chunks={f"{ID}.1.1": 4}
    )
    assert [path.name for path in tmp_path.iterdir()] == ["place.json"]


def test_what_stands_in_a_chunk_is_not_lost_when_the_reader_stops_before_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "place.json"
    reader = place(None, file, with_agent_events=True)
    reader.shown(output(4))
    reader.shown(said(4))
    assert not file.exists()

    reader.shown(output(5))
    assert parse(file.read_bytes(), where="").chunks == {f"{ID}.1.1": 4}

    reader.finish()
    assert parse(file.read_bytes(), where="").chunks == {f"{ID}.1.1": 5}


def test_a_cursor_that_is_given_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    file.write_text('{"seq":3}')

    assert place('{"seq":9}', file, with_agent_events=False).cursor == Cursor(seq=9)
    assert place(None, file, with_agent_events=False).cursor == Cursor(seq=3)


@pytest.mark.parametrize("text", ["", "12", '{"seq":"x"}', '{"chunks":[1]}', "\udcff"], ids=ascii)
def test_what_is_no_cursor_is_refused_and_says_where_it_was(text: str) -> None:
    with pytest.raises(InvalidCursor, match=r"^--after: "):
        parse(text, where="--after")


def test_without_a_file_the_place_is_only_remembered() -> None:
    reader = Place(Cursor(), None, with_agent_events=False)
    reader.shown(output(7))

    assert reader.cursor == Cursor(chunks={f"{ID}.1.1": 7})


def test_a_place_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    nowhere = place(None, tmp_path / "missing" / "place", with_agent_events=False)
    with pytest.raises(OutputRefused, match="No such file"):
        nowhere.shown(output(0))

    with pytest.raises(InvalidCursor, match="cannot be read"):
        place(None, tmp_path, with_agent_events=False)
