from __future__ import annotations

import os
from pathlib import Path

import pytest

from cc_executor.errors import StateDirectoryRefused
from cc_executor.journal.home import FORMAT, StateDirectory


def test_a_missing_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    home = StateDirectory(tmp_path / "deep" / "state")

    assert home.path.stat().st_mode & 0o777 == 0o700
    assert home.executions.stat().st_mode & 0o777 == 0o700
    assert (home.path / "format").read_text() == f"{FORMAT}\n"


def test_it_opens_a_second_time(tmp_path: Path) -> None:
    StateDirectory(tmp_path / "state")

    assert StateDirectory(tmp_path / "state").path == tmp_path / "state"


def test_an_empty_directory_made_by_hand_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)

    StateDirectory(tmp_path / "state")

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o770, 0o704])
def test_a_directory_that_others_can_look_into_is_refused(tmp_path: Path, mode: int) -> None:
    state = StateDirectory(tmp_path / "state").path
    state.chmod(mode)

    with pytest.raises(StateDirectoryRefused, match="open to other users") as refused:
        StateDirectory(state)
    assert refused.value.hint == f"Run `chmod 700 {state}`."
    assert state.stat().st_mode & 0o777 == mode


def test_somebody_elses_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateDirectory(tmp_path / "state")
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)

    with pytest.raises(StateDirectoryRefused, match=f"belongs to user id {mine}"):
        StateDirectory(tmp_path / "state")


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(StateDirectoryRefused, match="is not a directory"):
        StateDirectory(tmp_path / "state")
    with pytest.raises(StateDirectoryRefused, match="not a directory"):
        StateDirectory(tmp_path / "state" / "below")


def test_a_directory_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateDirectory(tmp_path / "state")
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, who may all

    with pytest.raises(StateDirectoryRefused, match="is not writable"):
        StateDirectory(tmp_path / "state")


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state").path
    (state / "format").write_text(f"{FORMAT + 1}\n")

    with pytest.raises(StateDirectoryRefused, match=f"has format {FORMAT + 1}") as refused:
        StateDirectory(state)
    assert "Upgrade" in refused.value.hint
    assert (state / "format").read_text() == f"{FORMAT + 1}\n"


@pytest.mark.parametrize("content", [b"", b"one", b"\xff\xfe", b"-1", "²".encode()])
def test_a_format_file_that_says_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    state = StateDirectory(tmp_path / "state").path
    (state / "format").write_bytes(content)

    with pytest.raises(StateDirectoryRefused, match="unreadable"):
        StateDirectory(state)


def test_attempts_lie_in_their_executions_folder(tmp_path: Path) -> None:
    home = StateDirectory(tmp_path)

    assert home.execution("e") == tmp_path / "executions" / "e"
    assert home.attempt("e.2.3") == tmp_path / "executions" / "e" / "2" / "3"
    assert home.database.parent == tmp_path
