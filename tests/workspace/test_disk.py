from __future__ import annotations

import hashlib
import os
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.outcomes import Changes, Content
from cc_executor.testing.contracts.workspaces import WorkspacesContract
from cc_executor.workspace import findings, listing
from cc_executor.workspace.disk import DiskWorkspaces

WORKSPACES = DiskWorkspaces()


class TestDiskWorkspaces(WorkspacesContract):
    @pytest.fixture
    def workspaces(self) -> DiskWorkspaces:
        return DiskWorkspaces()


def named(changes: Changes) -> Changes:
    """Return which files changed, without what they held."""
    return msgspec.structs.replace(changes, contents={})


def test_creations_changes_and_deletions_are_told_apart(tmp_path: Path) -> None:
    for name in ("kept", "changed", "gone", "sub/old"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before")
    before = WORKSPACES.look(tmp_path)

    (tmp_path / "changed").write_text("after!")  # of the same length
    (tmp_path / "gone").unlink()
    (tmp_path / "sub/old").rename(tmp_path / "sub/new")
    (tmp_path / "link").symlink_to("kept")

    assert named(before.compare()) == Changes(
        created=("link", "sub/new"),
        modified=("changed",),
        deleted=("gone", "sub/old"),
        renamed=(("sub/old", "sub/new"),),
    )


def test_other_permissions_are_no_other_content(tmp_path: Path) -> None:
    for name in ("script", "both", "kept"):
        (tmp_path / name).write_text("before")
    before = WORKSPACES.look(tmp_path)

    (tmp_path / "script").chmod(0o755)
    (tmp_path / "both").write_text("after!")
    (tmp_path / "both").chmod(0o755)
    (tmp_path / "kept").chmod((tmp_path / "kept").stat().st_mode)

    # `kept` was touched, and nobody can tell that it was not written and put back.
    assert named(before.compare()) == Changes(modified=("both", "kept"), mode_changed=("script",))


def test_a_new_file_in_an_old_inode_is_no_rename(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("before")
    before = WORKSPACES.look(tmp_path)

    (tmp_path / "old").unlink()
    (tmp_path / "new").write_text("quite another")

    assert named(before.compare()) == Changes(created=("new",), deleted=("old",))


_NAMES = ("a", "b", "sub/a", "sub/deep/b", "other/a")


class Work(RuleBasedStateMachine):
    """Writes, renames, deletes and chmods at random, and remembers by itself what that came to."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._root = Path(self._folder.name)
        self._count = 0
        for name in _NAMES[:3]:
            self._write(name)
        self._before_content = self._content()
        self._before = WORKSPACES.look(self._root)

    def _write(self, name: str) -> None:
        self._count += 1
        (self._root / name).parent.mkdir(parents=True, exist_ok=True)
        (self._root / name).write_text(f"{self._count:05}")

    def _content(self) -> dict[str, tuple[str, int]]:
        files = [path for path in self._root.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self._root)): (path.read_text(), path.stat().st_mode)
            for path in files
        }

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(name=st.sampled_from(_NAMES))
    def write(self, name: str) -> None:
        self._write(name)

    @rule(name=st.sampled_from(_NAMES))
    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    @rule(name=st.sampled_from(_NAMES), to=st.sampled_from(_NAMES))
    def rename(self, name: str, to: str) -> None:
        if (self._root / name).exists():
            (self._root / to).parent.mkdir(parents=True, exist_ok=True)
            (self._root / name).rename(self._root / to)

    @rule(name=st.sampled_from(_NAMES), mode=st.sampled_from([0o600, 0o644, 0o755]))
    def chmod(self, name: str, mode: int) -> None:
        if (self._root / name).exists():
            (self._root / name).chmod(mode)

    @invariant()
    def the_comparison_is_what_happened(self) -> None:
        before, now = self._before_content, self._content()
        changes = self._before.compare()
        both = before.keys() & now.keys()
        assert set(changes.created) == now.keys() - before.keys()
        assert set(changes.deleted) == before.keys() - now.keys()
        # Every content is new, so another text is another file. A file that was touched and is
        # as before may be listed, a changed one must be.
        rewritten = {name for name in both if before[name][0] != now[name][0]}
        only_mode = {name for name in both - rewritten if before[name][1] != now[name][1]}
        assert rewritten <= set(changes.modified)
        assert set(changes.mode_changed) == only_mode
        assert set(changes.modified) <= both - only_mode
        texts = {text: name for name, (text, _) in before.items()}
        for old, new in changes.renamed:
            assert texts[now[new][0]] == old


TestRandomWork = Work.TestCase
TestRandomWork.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)


def test_what_version_control_keeps_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    before = WORKSPACES.look(tmp_path)

    (tmp_path / ".git" / "index").write_text("x")

    assert named(before.compare()) == Changes()


def test_our_own_state_in_a_workspace_is_nobodys_work(tmp_path: Path) -> None:
    state = tmp_path / "home" / "state"
    state.mkdir(parents=True)
    absent = tmp_path / "absent"
    before = DiskWorkspaces(ignored=(state, absent)).look(tmp_path)

    (state / "state.db").touch()
    (state.parent / "file").touch()

    assert named(before.compare()) == Changes(created=("home/file",))


def test_a_name_that_is_not_text_can_still_be_told(tmp_path: Path) -> None:
    before = WORKSPACES.look(tmp_path)
    with open(os.fsencode(tmp_path) + b"/caf\xe9", "w"):  # noqa: PTH123 - a path of bytes
        pass

    assert before.compare().created == ("caf\\xe9",)


def test_what_was_not_seen_before_is_not_called_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(4):
            (tmp_path / folder / f"{number}").touch()
    monkeypatch.setattr(listing, "MAX_ENTRIES", 7)  # the two folders, and one of them whole
    before = WORKSPACES.look(tmp_path)
    monkeypatch.setattr(listing, "MAX_ENTRIES", 100)
    (tmp_path / "new").touch()

    changes = before.compare()

    assert named(changes) == Changes(created=("new",), complete=False)


def test_what_is_not_seen_after_is_not_called_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"{number}").touch()
    before = WORKSPACES.look(tmp_path)
    monkeypatch.setattr(listing, "MAX_ENTRIES", 3)

    assert named(before.compare()) == Changes(complete=False)


def test_a_workspace_that_takes_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(listing, "MAX_SECONDS", -1.0)

    assert not WORKSPACES.look(tmp_path).compare().complete


def test_a_tree_deeper_than_the_bound_says_so(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (listing.MAX_DEPTH + 2))
    deep.mkdir(parents=True)
    before = WORKSPACES.look(tmp_path)
    (deep / "file").touch()
    (tmp_path / "d" / "seen").touch()

    assert named(before.compare()) == Changes(created=("d/seen",), complete=False)


def test_a_wide_tree_needs_few_descriptors(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 10, hard))
    try:
        changes = WORKSPACES.look(tmp_path).compare()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert named(changes) == Changes()


def test_only_files_and_links_are_listed(tmp_path: Path) -> None:
    before = WORKSPACES.look(tmp_path)

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")

    assert named(before.compare()) == Changes(created=("dangling",))


def test_a_folder_swapped_for_a_link_between_two_looks_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside / "door"):
        folder.mkdir(parents=True)
    (outside / "secret").touch()
    before = WORKSPACES.look(inside)
    really_open = os.open

    def swap_then_open(name: str, flags: int, *, dir_fd: int | None = None) -> int:
        if name == "door":  # it was listed as a folder a moment ago
            (inside / "door").rmdir()
            (inside / "door").symlink_to(outside)
        return really_open(name, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap_then_open)

    assert named(before.compare()) == Changes(complete=False)


def test_a_workspace_may_be_named_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    before = WORKSPACES.look(tmp_path / "link")

    (tmp_path / "real" / "file").touch()

    assert named(before.compare()) == Changes(created=("file",))


def test_a_folder_that_became_a_file_loses_what_was_in_it(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "file").touch()
    before = WORKSPACES.look(tmp_path)

    (tmp_path / "thing" / "file").unlink()
    (tmp_path / "thing").rmdir()
    (tmp_path / "thing").touch()

    assert named(before.compare()) == Changes(created=("thing",), deleted=("thing/file",))


@pytest.mark.parametrize(
    ("name", "problem"), [("missing", "does not exist"), ("file", "is not a directory")]
)
def test_a_workspace_that_is_none_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidWorkspace) as refusal:
        WORKSPACES.check(tmp_path / name)

    assert refusal.value.problem == problem


@pytest.mark.parametrize("path", ["a\0b", "x" * 300])
def test_a_workspace_that_no_system_could_have_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidWorkspace, match="cannot be used"):
        WORKSPACES.check(tmp_path / path)


def test_a_workspace_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert WORKSPACES.check(tmp_path) == tmp_path
    # Whoever may do everything could write anywhere: only the answer can be had from a fake.
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)

    with pytest.raises(InvalidWorkspace, match="is not writable"):
        WORKSPACES.check(tmp_path)


def test_what_was_written_is_told_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    before = WORKSPACES.look(tmp_path)
    (tmp_path / "new").write_text("abc")
    (tmp_path / "link").symlink_to("new")
    (tmp_path / "kept").write_text("another text")

    contents = before.compare().contents

    assert set(contents) == {"new", "kept"}  # a link holds nothing
    assert contents["new"] == Content(3, hashlib.sha256(b"abc").hexdigest())


def test_of_many_files_only_the_first_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MAX_DIGESTED", 3)
    monkeypatch.setattr(findings, "MAX_TOTAL_DIGESTED_BYTES", 10)
    before = WORKSPACES.look(tmp_path)
    for name, size in (("a", 4), ("b", 40), ("c", 6), ("d", 0)):
        (tmp_path / name).write_bytes(b"x" * size)

    changes = before.compare()

    assert len(changes.created) == 4
    assert set(changes.contents) == {"a", "c"}


def test_files_that_are_not_as_they_were_are_told(tmp_path: Path) -> None:
    for name in ("same", "other", "gone"):
        (tmp_path / name).write_text(name)
    held: dict[str, Content | None] = dict(findings.contents(tmp_path, ["same", "other", "gone"]))
    held |= {"deleted": None, "again": None, "fifo": Content(0, "")}
    (tmp_path / "other").write_text("OTHER")
    (tmp_path / "gone").unlink()
    (tmp_path / "again").touch()
    os.mkfifo(tmp_path / "fifo")

    assert findings.examine_contents(tmp_path, held) == {
        "same": None,
        "other": "its content is another one",
        "gone": "there is no such file",
        "deleted": None,
        "again": "it was gone, and is there again",
        "fifo": "it is a FIFO",
    }
