from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from cc_executor.model.claims import claimed_files
from cc_executor.model.evidence import ClaimedFile, FileFinding, FileVerdict
from cc_executor.model.outcomes import Changes
from cc_executor.model.specs import Expects
from cc_executor.workspace import findings
from cc_executor.workspace.disk import DiskWorkspaces
from cc_executor.workspace.findings import examine_claims, examine_expectations


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace after an attempt that wrote `new` and `sub/changed`."""
    root = tmp_path / "workspace"
    (root / "sub").mkdir(parents=True)
    (root / ".git").mkdir()
    for name in ("kept", "sub/changed", ".git/index"):
        (root / name).write_text("before")
    (tmp_path / "secret").write_text("not yours")
    return root


@pytest.fixture
def changes(root: Path) -> Changes:
    before = DiskWorkspaces().look(root)
    (root / "new").write_text("after")
    (root / "sub" / "changed").write_text("after, too")
    (root / "door").symlink_to("..")
    os.mkfifo(root / "fifo")
    return before.compare()


def found(root: Path, changes: Changes, *paths: str) -> list[tuple[str, FileVerdict]]:
    claims = [ClaimedFile(path, "created") for path in paths]
    return [(one.path, one.verdict) for one in examine_claims(root, claims, changes)]


def of(root: Path, changes: Changes, path: str) -> FileFinding:
    return examine_claims(root, [ClaimedFile(path, "modified")], changes)[0]


def test_a_true_claim_is_found_with_size_and_digest(root: Path, changes: Changes) -> None:
    assert of(root, changes, "./new") == FileFinding(
        path="new",
        verdict=FileVerdict.OK,
        claimed="modified",
        size_bytes=5,
        sha256=hashlib.sha256(b"after").hexdigest(),
    )


def test_what_was_written_and_not_claimed_is_named(root: Path, changes: Changes) -> None:
    assert found(root, changes, "new") == [
        ("new", FileVerdict.OK),
        ("door", FileVerdict.UNCLAIMED),
        ("sub/changed", FileVerdict.UNCLAIMED),
    ]
    everything = found(root, changes)
    assert [verdict for _, verdict in everything] == [FileVerdict.UNCLAIMED] * 3


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("nothing", FileVerdict.MISSING, "no such file"),
        ("kept", FileVerdict.UNCHANGED, "did not write"),
        ("../secret", FileVerdict.OUTSIDE, "upwards"),
        ("/etc/passwd", FileVerdict.OUTSIDE, "elsewhere"),
        ("door/secret", FileVerdict.OUTSIDE, "symbolic link"),
        ("door", FileVerdict.NOT_REGULAR, "symbolic link"),
        ("fifo", FileVerdict.NOT_REGULAR, "FIFO"),
        ("sub", FileVerdict.NOT_REGULAR, "directory"),
        ("", FileVerdict.NOT_REGULAR, "itself"),
        ("new\0", FileVerdict.OUTSIDE, "NUL"),
    ],
)
def test_every_untrue_claim_is_told_with_its_reason(
    root: Path, changes: Changes, path: str, verdict: FileVerdict, reason: str
) -> None:
    finding = of(root, changes, path)
    assert finding.verdict is verdict
    assert reason in (finding.reason or "")


def test_a_file_too_big_to_look_at_is_not_called_good(
    root: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MAX_FILE_BYTES", 4)
    assert of(root, changes, "new").verdict is FileVerdict.TOO_BIG
    monkeypatch.setattr(findings, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(findings, "MAX_TOTAL_BYTES", 7)
    verdicts = [verdict for _, verdict in found(root, changes, "new", "sub/changed")[:2]]
    assert verdicts == [FileVerdict.OK, FileVerdict.TOO_BIG]


def test_where_nobody_looked_before_it_is_only_said_that_a_file_is_there(root: Path) -> None:
    unseen = Changes(complete=False)
    finding = of(root, unseen, "kept")
    assert finding.verdict is FileVerdict.OK
    assert "not seen" in (finding.reason or "")
    assert of(root, unseen, "nothing").verdict is FileVerdict.MISSING
    assert "not seen" in (of(root, Changes(), ".git/index").reason or "")


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ({"files_created": ["a"], "files_modified": ["b"]}, [("a", "created"), ("b", "modified")]),
        ({"files_created": ["a", "a", 3, None, ["x"]]}, [("a", "created")]),
        ({"files_modified": []}, []),
        ({"files_created": "a"}, None),
        ({"result": "I created a."}, None),
        (["files_created"], None),
        (None, None),
    ],
)
def test_claims_are_what_the_answer_names(
    answer: object, claims: Sequence[tuple[str, str]] | None
) -> None:
    claimed = claimed_files(answer)
    got = None if claimed is None else [(one.path, str(one.how)) for one in claimed]
    assert got == claims


# --- expectations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expects", "reason"),
    [
        (Expects(files=("new", "kept", "sub/changed")), None),
        (Expects(files=("nothing",)), "no such file"),
        (Expects(files=("sub",)), "directory"),
        (Expects(files=("door",)), "symbolic link"),
        (Expects(files=("door/secret",)), "symbolic link"),
        (Expects(absent=("nothing", "sub/nothing/at/all")), None),
        (Expects(absent=("new",)), "it is there"),
        (Expects(absent=("sub",)), "it is there"),
        (Expects(absent=("door",)), "it is there"),
        (Expects(absent=("fifo",)), "it is there"),
        (Expects(absent=("door/nothing",)), "symbolic link"),
        (Expects(contains={"new": "aft", "kept": ("be", "fore")}), None),
        (Expects(contains={"new": ("aft", "before")}), "'before'"),
        (Expects(contains={"nothing": "x"}), "no such file"),
        (Expects(contains={"fifo": "x"}), "FIFO"),
        (Expects(unchanged=("kept", "nothing", "su")), None),
        (Expects(unchanged=("sub",)), "sub/changed was modified"),
        (Expects(unchanged=("./sub/changed",)), "sub/changed was modified"),
        (Expects(unchanged=("new",)), "new was created"),
        (Expects(unchanged=(".git",)), "nothing is compared"),
    ],
)
def test_expectations_hold_or_say_why_not(
    root: Path, changes: Changes, expects: Expects, reason: str | None
) -> None:
    found = examine_expectations(root, expects, changes)
    assert found
    reasons = [one.reason for one in found if not one.ok]
    assert len(reasons) == (reason is not None)
    assert reason is None or reason in (reasons[0] or "")


def test_what_could_not_be_compared_is_not_called_unchanged(root: Path) -> None:
    (finding,) = examine_expectations(root, Expects(unchanged=("kept",)), Changes(complete=False))
    assert not finding.ok
