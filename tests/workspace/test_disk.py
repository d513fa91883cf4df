from __future__ import annotations

import os
from pathlib import Path

import pytest

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.outcomes import Changes
from cc_executor.workspace import disk
from cc_executor.workspace.disk import DiskWorkspaces

WORKSPACES = DiskWorkspaces()


def test_creations_changes_and_deletions_are_told_apart(tmp_path: Path) -> None:
    for name in ("kept", "changed", "gone", "sub/old"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before")
    before = WORKSPACES.look(tmp_path)

    (tmp_path / "changed").write_text("after!")  # of the same length
    (tmp_path / "gone").unlink()
    (tmp_path / "sub/old").rename(tmp_path / "sub/new")
    (tmp_path / "link").symlink_to("kept")

    assert before.compare() == Changes(
        created=("link", "sub/new"), modified=("changed",), deleted=("gone", "sub/old")
    )


def test_nothing_outside_is_ever_looked_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "door").symlink_to(outside)
    before = WORKSPACES.look(inside)

    (outside / "secret").write_text("x")

    assert before.compare() == Changes()


def test_what_version_control_keeps_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    before = WORKSPACES.look(tmp_path)

    (tmp_path / ".git" / "index").write_text("x")

    assert before.compare() == Changes()


def test_a_name_that_is_not_text_can_still_be_told(tmp_path: Path) -> None:
    before = WORKSPACES.look(tmp_path)
    with open(os.fsencode(tmp_path) + b"/caf\xe9", "w"):  # noqa: PTH123 - a path of bytes
        pass

    assert before.compare().created == ("caf\\xe9",)


def test_a_workspace_too_large_to_compare_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "MAX_ENTRIES", 3)
    before = WORKSPACES.look(tmp_path)
    for number in range(5):
        (tmp_path / f"{number}").touch()

    assert not before.compare().complete


@pytest.mark.parametrize(
    ("name", "problem"), [("missing", "does not exist"), ("file", "is not a directory")]
)
def test_a_workspace_that_is_none_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidWorkspace) as refusal:
        WORKSPACES.check(tmp_path / name)

    assert refusal.value.problem == problem
