"""Bundles: complete, verifiable elsewhere, and every fault in them named."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_executor.errors import BundleRefused, ProgramNotInstalled
from cc_executor.evidence import signing
from cc_executor.evidence.verify import verify_bundle
from cc_executor.model import bundles
from cc_executor.model.bundles import Manifest, Part, root_of
from cc_executor.model.proofs import Examination, Holds
from cc_executor.process.run import run_subprocess
from tests.evidence.conftest import Ran


def broken(examination: Examination) -> list[str]:
    return [f"{one.what}: {one.reason}" for one in examination.proofs if one.holds is Holds.NO]


@pytest.fixture
async def folder(ran: Ran, tmp_path: Path) -> Path:
    await ran.executor.export_bundle(ran.result.id, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
async def tar(ran: Ran, tmp_path: Path) -> Path:
    await ran.executor.export_bundle(ran.result.id, tmp_path / "bundle.tar")
    return tmp_path / "bundle.tar"


async def test_a_bundle_is_verified_without_anything_that_made_it(ran: Ran, tmp_path: Path) -> None:
    paths = [tmp_path / "one.tar", tmp_path / "two"]
    roots = [await ran.executor.export_bundle(ran.result.id, path) for path in paths]
    shutil.rmtree(ran.home / "executions")
    shutil.rmtree(ran.workspace)

    for path in paths:
        examination = verify_bundle(path)

        assert broken(examination) == []
        assert examination.verified
        assert examination.execution_id == ran.result.id
        assert [one.name for one in examination.tasks] == ["app", "noise"]
    assert roots[0] == roots[1]  # of the same evidence, however it is packed


async def test_the_tar_is_one_that_others_can_read(tar: Path) -> None:
    with tarfile.open(tar) as opened:
        names = opened.getnames()
        first = opened.extractfile("outputs/2.1/output")
        assert first is not None
        assert first.read() == b"x" * 100_000 + b"\n"

    assert set(names) > {"bundle.json", "execution.json", "tasks.jsonl", "events.jsonl"}
    assert "outputs/1.1-check-1/output" in names
    assert "outputs/1.1-judge/output" in names


async def test_the_values_of_variables_stay_at_home(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes()


async def test_files_are_looked_at_where_they_are_said_to_be(tar: Path, ran: Ran) -> None:
    elsewhere = tar.with_name("elsewhere")
    ran.workspace.rename(elsewhere)

    assert verify_bundle(tar, workspace=elsewhere).verified
    (elsewhere / "app.py").write_text("another")
    assert not verify_bundle(tar, workspace=elsewhere).verified
    assert verify_bundle(tar).verified  # nobody asked for the files


async def test_nothing_is_written_over(ran: Ran, tar: Path, folder: Path) -> None:
    before = tar.read_bytes()
    for taken in (tar, folder):
        with pytest.raises(BundleRefused, match="is there already"):
            await ran.executor.export_bundle(ran.result.id, taken)
    dangling = tar.with_name("link.tar")
    dangling.symlink_to("nowhere")
    with pytest.raises(BundleRefused, match="is there already"):
        await ran.executor.export_bundle(ran.result.id, dangling)
    with pytest.raises(BundleRefused, match="cannot be written"):
        await ran.executor.export_bundle(ran.result.id, tar.with_name("no") / "b.tar")

    assert tar.read_bytes() == before
    left = {path.name for path in tar.parent.iterdir()}
    assert not [name for name in left if name.startswith(".")]


async def test_damaged_output_goes_into_the_bundle_and_is_told_of_there(
    ran: Ran, tmp_path: Path
) -> None:
    output = ran.folder("2/1/output")
    output.write_bytes(b"y" + output.read_bytes()[1:])

    await ran.executor.export_bundle(ran.result.id, tmp_path / "b.tar")

    examination = verify_bundle(tmp_path / "b.tar")
    assert any("bytes of record 0 are damaged" in one for one in broken(examination))


# --- faults of a bundle ------------------------------------------------------------------------------

Spoil = Callable[[Path], object]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def sealed_again(folder: Path) -> None:
    """Make the manifest fit what is there: what somebody would do who knows how it is made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = tuple(
        Part(
            path=str(path.relative_to(folder)),
            size_bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in files
        if not path.name.startswith("bundle.json")
    )
    file = folder / "bundle.json"
    manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    manifest = msgspec.structs.replace(manifest, parts=parts, root=root_of(parts))
    file.write_bytes(msgspec.json.encode(manifest))


def edit_line(path: Path, number: int, change: Callable[[Any], None]) -> None:
    lines = path.read_text().splitlines()
    value = json.loads(lines[number])
    change(value)
    lines[number] = json.dumps(value)
    path.write_text("\n".join(lines) + "\n")


def set_in(*keys: str | int, to: object) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        *path, last = keys
        for key in path:
            value = value[key]
        value[last] = to

    return change


def edited_everywhere(folder: Path, *keys: str | int, to: object) -> None:
    edit_line(folder / "tasks.jsonl", 0, set_in("outcome", *keys, to=to))
    edit_line(folder / "attempts.jsonl", 0, set_in("outcome", *keys, to=to))
    sealed_again(folder)


def put_a_link_for(path: Path) -> None:
    path.symlink_to(path.rename(path.parent.parent / "kept-elsewhere"))


def steps(*all_of: Spoil) -> Spoil:
    def take(folder: Path) -> None:
        for step in all_of:
            step(folder)

    return take


FAULTS: dict[str, tuple[Spoil, str]] = {
    "a byte of an output": (
        lambda at: flip(at / "outputs/1.1/output", 5),
        "outputs/1.1/output is as bundle.json says: its content is another one",
    ),
    "and which record it is in": (
        lambda at: flip(at / "outputs/1.1/output", 5),
        "bytes of record 0 are damaged",
    ),
    "an output that is gone": (
        lambda at: (at / "outputs/2.1/output").unlink(),
        "outputs/2.1/output is as bundle.json says: it is missing",
    ),
    "a file too much": (
        lambda at: (at / "outputs/1.1/more").touch(),
        "outputs/1.1/more is as bundle.json says: no part has such a name",
    ),
    "an output too much": (
        steps(
            lambda at: (at / "outputs/9.9").mkdir(),
            lambda at: (at / "outputs/9.9/output").touch(),
        ),
        "outputs/9.9/output is as bundle.json says: bundle.json does not tell of it",
    ),
    "a link": (
        lambda at: put_a_link_for(at / "outputs/2.1/output"),
        "outputs/2.1/output is as bundle.json says: it is a symbolic link",
    ),
    "a FIFO": (
        steps(
            lambda at: (at / "outputs/2.1/chain").unlink(),
            lambda at: os.mkfifo(at / "outputs/2.1/chain"),
        ),
        "outputs/2.1/chain is as bundle.json says: it is missing",
    ),
    "another root": (
        lambda at: edit_file(at / "bundle.json", "root", "0" * 64),
        "its root digest is 000000",
    ),
    "another execution": (
        lambda at: edit_file(at / "bundle.json", "execution_id", "other"),
        "bundle.json tells of other",
    ),
    "a record of the chain, sealed again": (
        steps(lambda at: flip(at / "outputs/1.1/chain", 0), sealed_again),
        "record 0 is not the one that its chain holds",
    ),
    "no chain, sealed again": (
        steps(lambda at: (at / "outputs/1.1/chain").unlink(), sealed_again),
        "outputs/1.1/chain is as bundle.json says: it is missing",
    ),
    "another answer, sealed again": (
        lambda at: edited_everywhere(at, "claimed", "text", to="All is well."),
        "text is recorded otherwise",
    ),
    "a check that was never made, sealed again": (
        lambda at: edited_everywhere(at, "verified", "checks", to=[]),
        "there is no finding of the check",
    ),
    "a check that failed, sealed again": (
        steps(
            lambda at: edit_file(at / "outputs/1.1-check-1/outcome.json", "exit_code", 1),
            sealed_again,
        ),
        "exit code 1",
    ),
    "an event less, sealed again": (
        steps(lambda at: drop_line(at / "events.jsonl", 3), sealed_again),
        "event 4 is missing, 5 follows",
    ),
    "an attempt less, sealed again": (
        steps(lambda at: drop_line(at / "attempts.jsonl", 0), sealed_again),
        "1 attempts are counted, 0 are recorded",
    ),
    "a task less, sealed again": (
        steps(lambda at: drop_line(at / "tasks.jsonl", 1), sealed_again),
        "their specs differ",
    ),
}


def edit_file(path: Path, key: str, value: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))


def drop_line(path: Path, number: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    del lines[number]
    path.write_text("".join(lines))


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_of_a_bundle_is_named(folder: Path, name: str) -> None:
    spoil, word = FAULTS[name]
    assert verify_bundle(folder).verified
    spoil(folder)

    examination = verify_bundle(folder)

    assert not examination.verified
    assert not examination.intact
    assert any(word in one for one in broken(examination)), broken(examination)


UNREADABLE: dict[str, tuple[Spoil, str]] = {
    "no manifest": (lambda at: (at / "bundle.json").unlink(), "bundle.json is missing"),
    "no tasks": (lambda at: (at / "tasks.jsonl").unlink(), "tasks.jsonl is missing"),
    "something else": (lambda at: edit_file(at / "bundle.json", "format", "zip"), "is no bundle"),
    "a newer one": (lambda at: edit_file(at / "bundle.json", "version", 2), "this version knows 1"),
    "no JSON": (lambda at: (at / "bundle.json").write_text("{"), "bundle.json: "),
    "a line of something else": (
        lambda at: (at / "tasks.jsonl").write_text('{"id": 3}\n'),
        "tasks.jsonl, line 1: ",
    ),
    "a line that ends early": (
        lambda at: (at / "events.jsonl").write_text('{"id": 3}'),
        "events.jsonl is cut off",
    ),
    "deep JSON": (
        lambda at: (at / "tasks.jsonl").write_text("[" * 100_000 + "\n"),
        "tasks.jsonl, line 1: ",
    ),
    "half a character": (
        lambda at: (at / "execution.json").write_bytes(b'{"id": "\xff"}'),
        "execution.json: ",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_bundle_is_refused_and_says_where(folder: Path, name: str) -> None:
    spoil, word = UNREADABLE[name]
    spoil(folder)

    with pytest.raises(BundleRefused) as refused:
        verify_bundle(folder)

    assert word in str(refused.value)


# --- hostile archives --------------------------------------------------------------------------------


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def with_entries(tar: Path, *entries: tarfile.TarInfo) -> None:
    with tarfile.open(tar, "a", format=tarfile.GNU_FORMAT) as opened:
        for one in entries:
            opened.addfile(one, io.BytesIO(b"x" * one.size))


HOSTILE = {
    "../../outside": entry("../../outside", size=3),
    "/etc/cron.d/x": entry("/etc/cron.d/x", size=3),
    "outputs/1.1/../../../outside": entry("outputs/1.1/../../../outside", size=3),
    "outputs/7.1/output": entry("outputs/7.1/output", tarfile.SYMTYPE, linkname="/etc/passwd"),
    "outputs/7.1/index": entry("outputs/7.1/index", tarfile.LNKTYPE, linkname="bundle.json"),
    "outputs/7.1/chain": entry("outputs/7.1/chain", tarfile.FIFOTYPE),
    "outputs/7.1/outcome.json": entry("outputs/7.1/outcome.json", tarfile.CHRTYPE),
    "outputs/": entry("outputs", tarfile.DIRTYPE),
    "bundle.json": entry("bundle.json", size=3),
    "sparse": entry("sparse", tarfile.GNUTYPE_SPARSE, size=3),
    "a" * 90: entry("a" * 90, tarfile.XHDTYPE, size=1024),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_an_entry_that_does_not_belong_there_is_named_and_never_followed(
    tar: Path, name: str, tmp_path: Path
) -> None:
    with_entries(tar, HOSTILE[name])
    before = sorted(tmp_path.rglob("*"))

    examination = verify_bundle(tar)

    assert not examination.intact
    assert any(one.startswith(f"{name} is as") for one in broken(examination)), broken(examination)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked


async def test_a_tar_that_is_cut_off_says_so(tar: Path) -> None:
    whole = tar.read_bytes()
    for length in (0, 1, 511, 512, 700, len(whole) // 2):
        tar.write_bytes(whole[:length])
        with pytest.raises(BundleRefused, match=r"cut off|bundle.json is missing"):
            verify_bundle(tar)


async def test_something_behind_the_end_is_named(tar: Path) -> None:
    tar.write_bytes(tar.read_bytes() + b"more")

    assert any("something follows its end" in one for one in broken(verify_bundle(tar)))


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
async def test_a_packed_archive_is_refused_unread(tmp_path: Path, mode: str) -> None:
    bomb = tmp_path / "bomb.tar"
    with tarfile.open(bomb, mode) as opened:  # type: ignore[call-overload]  # any of the modes
        opened.addfile(entry("bundle.json", size=1_000_000), io.BytesIO(b"0" * 1_000_000))

    with pytest.raises(BundleRefused, match=r"stands no header|cut off"):
        verify_bundle(bomb)


async def test_sizes_that_are_told_cost_no_memory(tmp_path: Path) -> None:
    huge = tmp_path / "huge.tar"
    with huge.open("wb") as file:
        file.write(entry("bundle.json", size=1 << 40).tobuf(tarfile.GNU_FORMAT))
    tracemalloc.start()
    try:
        with pytest.raises(BundleRefused):
            verify_bundle(huge)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * 1024 * 1024


async def test_no_file_at_all_and_a_fifo_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.tar")
    for path in (tmp_path / "none.tar", tmp_path / "fifo.tar", tmp_path):
        with pytest.raises(BundleRefused):
            verify_bundle(path)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_change_of_one_byte_is_seen(
    tar_bytes: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(tar_bytes) - 1))
    changed = bytearray(tar_bytes)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "changed.tar"
    path.write_bytes(changed)

    try:
        examination = verify_bundle(path)
    except BundleRefused:
        return
    assert not examination.intact or is_unused(tar_bytes, at)


@pytest.fixture
def tar_bytes(tar: Path) -> bytes:
    return tar.read_bytes()


def is_unused(tar: bytes, at: int) -> bool:
    """Tell whether a byte means nothing: padding, a file's time and owner, a manifest's own facts."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        for member in opened:
            if member.offset_data <= at < member.offset_data + member.size:
                return member.name == "bundle.json"  # `made_at` and `made_by`: only signatures
    return True


# --- signatures --------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id"
    made = run_subprocess(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], timeout_s=30
    )
    assert made.exit_code == 0, made
    return path


def signers_of(key: Path, who: str) -> Path:
    kind, content = key.with_suffix(".pub").read_text().split()[:2]
    file = key.with_name(f"signers-{who}")
    file.write_text(f"{who} {kind} {content}\n")
    return file


async def test_a_signature_says_who_and_covers_everything(
    ran: Ran, tmp_path: Path, key: Path
) -> None:
    path = tmp_path / "signed"
    await ran.executor.export_bundle(ran.result.id, path, sign_with=key)
    signers = signers_of(key, "ann@example.org")

    assert verify_bundle(path, signers=signers).signed_by == "ann@example.org"
    assert verify_bundle(path, signers=signers).verified
    assert (verify_bundle(path).signed_by or "").startswith("SHA256:")

    sealed_again(path)  # the same parts, other bytes of the manifest
    forged = verify_bundle(path, signers=signers)
    assert forged.signed_by is None
    assert not forged.verified
    assert any(one.startswith("its signature fits") for one in broken(forged))
    assert not verify_bundle(path).intact


async def test_who_is_not_among_the_signers_has_not_signed(
    ran: Ran, tmp_path: Path, key: Path
) -> None:
    signed, unsigned = tmp_path / "signed.tar", tmp_path / "unsigned.tar"
    await ran.executor.export_bundle(ran.result.id, signed, sign_with=key)
    await ran.executor.export_bundle(ran.result.id, unsigned)
    other = tmp_path / "other"
    other.write_text(
        "bob ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFf3sVJtZ0tZk3r0k1x3d7c0pX4v9d1yq8mXoH1v0i2b\n"
    )

    for path, problem in ((signed, "not among the signers"), (unsigned, "it has none")):
        examination = verify_bundle(path, signers=other)
        assert examination.signed_by is None
        assert not examination.verified
        assert any(problem in one for one in broken(examination)), broken(examination)


async def test_a_key_that_cannot_sign_is_refused_and_leaves_nothing(
    ran: Ran, tmp_path: Path
) -> None:
    with pytest.raises(BundleRefused, match="cannot be signed with"):
        await ran.executor.export_bundle(
            ran.result.id, tmp_path / "b.tar", sign_with=tmp_path / "none"
        )

    assert not (tmp_path / "b.tar").exists()


async def test_without_the_program_it_says_so(
    ran: Ran, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar"
    await ran.executor.export_bundle(ran.result.id, path, sign_with=key)
    monkeypatch.setattr(signing, "_PROGRAM", "no-such-program")

    with pytest.raises(ProgramNotInstalled):
        verify_bundle(path, signers=key)
    with pytest.raises(ProgramNotInstalled):
        await ran.executor.export_bundle(ran.result.id, tmp_path / "c.tar", sign_with=key)
    unchecked = verify_bundle(path)
    assert unchecked.signed_by is None
    assert unchecked.intact
    assert any(one.holds is Holds.UNKNOWN for one in unchecked.proofs)


# --- the law -----------------------------------------------------------------------------------------


def test_only_names_of_parts_are_names_of_parts() -> None:
    good = ["execution.json", "outputs/1.1/output", "outputs/12.3-check-50-10/outcome.json"]
    bad = [
        "bundle.json",
        "outputs/1.1/../x",
        "/execution.json",
        "outputs/1/output",
        "execution.json\n",
    ]

    assert all(bundles.is_part_name(name) for name in good)
    assert not any(bundles.is_part_name(name) for name in bad)


def test_the_root_depends_on_every_part_and_not_on_their_order() -> None:
    parts = [Part(path=f"{n}", size_bytes=n, sha256="0" * 64) for n in range(3)]

    assert root_of(parts) == root_of(reversed(parts))
    assert root_of(parts) != root_of(parts[:2])
    for field, value in (("path", "x"), ("size_bytes", 9), ("sha256", "1" * 64)):
        changed = [msgspec.structs.replace(parts[0], **{field: value}), *parts[1:]]
        assert root_of(changed) != root_of(parts)
