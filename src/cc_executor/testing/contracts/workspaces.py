"""What `ports.workspace.Workspaces` and `Before` promise."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.evidence import ClaimedFile, FileFinding, FileVerdict
from cc_executor.model.outcomes import Changes
from cc_executor.model.specs import Expects
from cc_executor.ports.workspace import Workspaces


class WorkspacesContract:
    """Subclass it and give it a fixture `workspaces`: a `Workspaces`."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A workspace with three files, beside one that nobody in it may see."""
        root = tmp_path / "workspace"
        (root / "sub").mkdir(parents=True)
        for name in ("kept", "changed", "sub/old"):
            (root / name).write_text("before")
        (tmp_path / "secret").write_text("not yours")
        return root

    # --- check ------------------------------------------------------------------------------------

    def test_a_workspace_becomes_absolute(
        self, workspaces: Workspaces, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(root)

        assert workspaces.check(Path("sub")) == root / "sub"
        assert workspaces.check(root) == root

    @pytest.mark.parametrize("name", ["missing", "kept", "kept/below", "a\0b", "x" * 300])
    def test_what_is_no_workspace_is_refused(
        self, workspaces: Workspaces, root: Path, name: str
    ) -> None:
        with pytest.raises(InvalidWorkspace) as refusal:
            workspaces.check(root / name)

        assert refusal.value.problem
        assert refusal.value.hint

    # --- look and compare -------------------------------------------------------------------------

    def test_where_nothing_happened_nothing_is_different(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        assert workspaces.look(root).compare() == Changes()

    def test_creations_changes_and_deletions_are_told_apart(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        before = workspaces.look(root)
        (root / "changed").write_text("after!")  # of the same length
        (root / "sub" / "old").unlink()
        (root / "new").write_text("new")
        (root / "link").symlink_to("kept")

        changes = before.compare()

        assert changes.created == ("link", "new")
        assert changes.modified == ("changed",)
        assert changes.deleted == ("sub/old",)
        assert (changes.renamed, changes.mode_changed, changes.complete) == ((), (), True)

    def test_a_rename_is_a_deletion_and_a_creation_and_told_as_a_pair(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        before = workspaces.look(root)
        (root / "sub" / "old").rename(root / "new")

        changes = before.compare()

        assert changes.renamed == (("sub/old", "new"),)
        assert (changes.created, changes.deleted) == (("new",), ("sub/old",))

    def test_other_permissions_are_no_other_content(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        before = workspaces.look(root)
        (root / "kept").chmod(0o755)

        changes = before.compare()

        assert (changes.modified, changes.mode_changed) == ((), ("kept",))

    def test_a_change_that_hides_its_time_is_still_seen(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        file = root / "changed"
        facts = file.stat()
        before = workspaces.look(root)

        file.write_text("after!")
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))

        assert before.compare().modified == ("changed",)

    def test_it_may_be_compared_again_and_again(self, workspaces: Workspaces, root: Path) -> None:
        before = workspaces.look(root)
        (root / "new").write_text("x")
        assert before.compare().created == ("new",)

        (root / "newer").write_text("x")
        (root / "new").unlink()

        assert before.compare().created == ("newer",)

    def test_nothing_outside_is_looked_at(
        self, workspaces: Workspaces, root: Path, tmp_path: Path
    ) -> None:
        (root / "door").symlink_to(tmp_path)
        before = workspaces.look(root)

        (tmp_path / "secret").write_text("changed")
        (tmp_path / "more").touch()

        assert before.compare() == Changes()

    def test_a_folder_that_became_a_link_is_not_followed(
        self, workspaces: Workspaces, root: Path, tmp_path: Path
    ) -> None:
        (root / "door").mkdir()
        before = workspaces.look(root)
        (root / "door").rmdir()
        (root / "door").symlink_to(tmp_path)

        assert before.compare().created == ("door",)

    def test_of_a_workspace_that_is_gone_everything_is_deleted(
        self, workspaces: Workspaces, tmp_path: Path
    ) -> None:
        gone = tmp_path / "gone"
        (gone / "sub").mkdir(parents=True)
        (gone / "sub" / "file").touch()
        before = workspaces.look(gone)
        (gone / "sub" / "file").unlink()
        (gone / "sub").rmdir()
        gone.rmdir()

        assert before.compare() == Changes(deleted=("sub/file",))

    # --- examine ----------------------------------------------------------------------------------

    def found(self, workspaces: Workspaces, root: Path, path: str) -> FileFinding:
        """Return what is found of one claim, after an attempt that wrote `new`."""
        before = workspaces.look(root)
        (root / "new").write_text("after")
        claimed = [ClaimedFile(path, "created")]
        changes = before.compare()
        found = workspaces.examine(root, claimed=claimed, expects=None, changes=changes)
        assert found.expectations == ()
        return found.files[0]

    def test_a_true_claim_is_found_with_size_and_digest(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        assert self.found(workspaces, root, "new") == FileFinding(
            path="new",
            verdict=FileVerdict.OK,
            claimed="created",
            size_bytes=5,
            sha256=hashlib.sha256(b"after").hexdigest(),
        )

    @pytest.mark.parametrize(
        ("path", "verdict"),
        [
            ("nothing", FileVerdict.MISSING),
            ("kept", FileVerdict.UNCHANGED),
            ("sub", FileVerdict.NOT_REGULAR),
            ("../secret", FileVerdict.OUTSIDE),
            ("sub/../../secret", FileVerdict.OUTSIDE),
            ("/etc/passwd", FileVerdict.OUTSIDE),
            ("new\0", FileVerdict.OUTSIDE),
        ],
    )
    def test_an_untrue_claim_is_told_with_its_reason_and_nothing_of_the_file(
        self, workspaces: Workspaces, root: Path, path: str, verdict: FileVerdict
    ) -> None:
        finding = self.found(workspaces, root, path)

        assert finding.verdict is verdict
        assert finding.reason
        if verdict is not FileVerdict.UNCHANGED:
            assert (finding.size_bytes, finding.sha256) == (None, None)

    def test_a_link_leads_nowhere(self, workspaces: Workspaces, root: Path, tmp_path: Path) -> None:
        (root / "door").symlink_to(tmp_path)
        (root / "window").symlink_to(tmp_path / "secret")

        for path in ("door/secret", "window"):
            finding = self.found(workspaces, root, path)
            assert finding.verdict in (FileVerdict.OUTSIDE, FileVerdict.NOT_REGULAR)
            assert (finding.size_bytes, finding.sha256) == (None, None)

    def test_a_pipe_is_not_waited_for(self, workspaces: Workspaces, root: Path) -> None:
        os.mkfifo(root / "fifo")

        assert self.found(workspaces, root, "fifo").verdict is FileVerdict.NOT_REGULAR
        expects = Expects(contains={"fifo": "x"})
        found = workspaces.examine(root, claimed=None, expects=expects, changes=Changes())
        assert not found.expectations[0].ok

    def test_what_was_written_and_not_claimed_is_named_only_when_it_was_asked(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        changes = Changes(created=("new",), modified=("changed",))

        asked = workspaces.examine(root, claimed=(), expects=None, changes=changes)
        unasked = workspaces.examine(root, claimed=None, expects=None, changes=changes)

        assert [(one.path, one.verdict) for one in asked.files] == [
            ("changed", FileVerdict.UNCLAIMED),
            ("new", FileVerdict.UNCLAIMED),
        ]
        assert unasked == ((), ())

    @pytest.mark.parametrize(
        ("expects", "holds"),
        [
            (Expects(files=("kept", "sub/old")), True),
            (Expects(files=("nothing",)), False),
            (Expects(files=("sub",)), False),
            (Expects(files=("../secret",)), False),
            (Expects(absent=("nothing",)), True),
            (Expects(absent=("kept",)), False),
            (Expects(absent=("../nothing",)), False),
            (Expects(contains={"kept": ("bef", "ore")}), True),
            (Expects(contains={"kept": ("bef", "after")}), False),
            (Expects(contains={"../secret": "yours"}), False),
            (Expects(unchanged=("kept",)), True),
            (Expects(unchanged=("changed",)), False),
        ],
    )
    def test_an_expectation_holds_or_says_why_not(
        self, workspaces: Workspaces, root: Path, expects: Expects, *, holds: bool
    ) -> None:
        changes = Changes(modified=("changed",))

        found = workspaces.examine(root, claimed=None, expects=expects, changes=changes)

        assert found.files == ()
        assert found.expectations
        assert all(one.ok for one in found.expectations) == holds
        assert all(one.ok or one.reason for one in found.expectations)

    def test_what_could_not_be_compared_is_not_called_unchanged(
        self, workspaces: Workspaces, root: Path
    ) -> None:
        found = workspaces.examine(
            root,
            claimed=None,
            expects=Expects(unchanged=("kept",)),
            changes=Changes(complete=False),
        )

        assert [one.ok for one in found.expectations] == [False]

    def test_a_workspace_that_is_gone_cannot_be_examined(
        self, workspaces: Workspaces, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidWorkspace):
            workspaces.examine(
                tmp_path / "gone", claimed=(), expects=Expects(files=("x",)), changes=Changes()
            )
