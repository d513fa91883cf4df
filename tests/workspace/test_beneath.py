from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from cc_executor.workspace import beneath
from cc_executor.workspace.beneath import Beneath, PathRefused, Refusal

SWAPPER = Path(__file__).with_name("swapping_process.py")
INSIDE, OUTSIDE = b"inside", b"SECRET"
#: Tries of the race in each way of opening; a million altogether.
TRIES = 500_000


@pytest.fixture(params=["openat2", "components"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of opening; on this kernel the second is there for kernels without the first."""
    by_kernel = request.param == "openat2"
    monkeypatch.setattr(beneath, "_has_openat2", lambda: by_kernel)
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with one of everything, and secrets beside it."""
    root = tmp_path / "workspace"
    (root / "folder" / "deep").mkdir(parents=True)
    for name in ("file", "folder/file", "folder/deep/file", "...", "..file", " ", "-rf", "a\nb"):
        (root / name).write_bytes(INSIDE)
    (root / "big").write_bytes(b"x" * 1001)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "file").write_bytes(OUTSIDE)
    (tmp_path / "workspace-too").mkdir()
    (tmp_path / "workspace-too" / "file").write_bytes(OUTSIDE)
    links: dict[str, str | Path] = {
        "to-folder": "folder",
        "to-file": "file",
        "to-secrets": secrets,
        "to-secret": secrets / "file",
        "to-parent": "..",
        "to-root": "/",
        "to-nothing": "nothing",
        "to-itself": "to-itself",
        "to-descriptors": "/proc/self/fd",
        "to-my-root": "/proc/self/root",
        "folder/up": "../..",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.link(secrets / "file", root / "hard-link")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
    return root


def told(root: Path, path: str) -> Refusal | bytes:
    """What comes of reading a path: its content, or why not."""
    with Beneath(root) as inside:
        try:
            descriptor = inside.open(path, max_bytes=1000)
        except PathRefused as refused:
            return refused.refusal
        try:
            return os.read(descriptor, 100)
        finally:
            os.close(descriptor)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("file", INSIDE),
        ("./file", INSIDE),
        ("folder//deep/./file", INSIDE),
        ("...", INSIDE),
        ("..file", INSIDE),
        (" ", INSIDE),
        ("-rf", INSIDE),
        ("a\nb", INSIDE),
        ("nothing", Refusal.MISSING),
        ("folder/nothing/file", Refusal.MISSING),
        ("file/file", Refusal.MISSING),
        ("x" * 300, Refusal.MISSING),
        ("x/" * 3000 + "x", Refusal.MISSING),
        ("half a character \ud800", Refusal.MISSING),
        ("", Refusal.NOT_REGULAR),
        (".", Refusal.NOT_REGULAR),
        ("folder", Refusal.NOT_REGULAR),
        ("fifo", Refusal.NOT_REGULAR),
        ("socket", Refusal.NOT_REGULAR),
        ("to-file", Refusal.NOT_REGULAR),
        ("to-nothing", Refusal.NOT_REGULAR),
        ("hard-link", Refusal.NOT_REGULAR),
        ("big", Refusal.TOO_BIG),
        ("..", Refusal.OUTSIDE),
        ("../secrets/file", Refusal.OUTSIDE),
        ("folder/../../secrets/file", Refusal.OUTSIDE),
        ("folder/../file", Refusal.OUTSIDE),
        ("/etc/passwd", Refusal.OUTSIDE),
        ("/", Refusal.OUTSIDE),
        ("file\0.txt", Refusal.OUTSIDE),
        ("to-secrets/file", Refusal.OUTSIDE),
        ("to-secret", Refusal.NOT_REGULAR),
        ("to-parent/secrets/file", Refusal.OUTSIDE),
        ("to-root/etc/passwd", Refusal.OUTSIDE),
        ("to-folder/file", Refusal.OUTSIDE),
        ("to-itself/file", Refusal.OUTSIDE),
        ("to-descriptors/0", Refusal.OUTSIDE),
        ("to-my-root/etc/passwd", Refusal.OUTSIDE),
        ("folder/up/secrets/file", Refusal.OUTSIDE),
    ],
)
def test_only_regular_files_of_the_directory_can_be_had(
    root: Path, path: str, expected: Refusal | bytes
) -> None:
    assert told(root, path) == expected


@pytest.mark.usefixtures("way")
def test_an_absolute_path_into_the_directory_is_what_agents_call_their_files(root: Path) -> None:
    link = root.parent / "link-to-workspace"
    link.symlink_to(root)
    assert told(root, f"{root}/folder/file") == INSIDE
    assert told(link, f"{link}/file") == told(link, f"{root}/file") == INSIDE
    assert told(root, f"{root}-too/file") is Refusal.OUTSIDE
    assert told(root, f"{root}/../secrets/file") is Refusal.OUTSIDE


@pytest.mark.usefixtures("way")
def test_another_file_system_is_outside() -> None:
    with Beneath(Path("/")) as everything, pytest.raises(PathRefused) as refused:
        everything.open("proc/version")
    assert refused.value.refusal is Refusal.OUTSIDE


_STEPS = (
    *("file", "folder", "deep", "nothing", "..", ".", "", "...", "fifo", "hard-link", "up"),
    *("to-folder", "to-secrets", "to-parent", "to-root", "to-descriptors", "etc", "secrets"),
    *("~", "%2e%2e", "..\\", "\u2025", "..\u200b", "\uff0e\uff0e", "C:", "//", "proc", "a\nb"),
)


def corpus() -> list[str]:
    """Paths of up to three steps, as they are and with what people put before and after them."""
    walks = [*map("/".join, product(_STEPS, repeat=2)), *map("/".join, product(_STEPS, repeat=3))]
    decorated = [f"{before}{walk}" for walk in walks[:400] for before in ("/", "./", "../")]
    return [*walks, *decorated]


@pytest.mark.usefixtures("way")
def test_no_path_of_the_corpus_leads_out(root: Path) -> None:
    paths = corpus()
    got: dict[str, int] = {}
    with Beneath(root) as inside:
        for path in paths:
            try:
                descriptor = inside.open(path)
            except PathRefused as refused:
                got[refused.refusal] = got.get(refused.refusal, 0) + 1
                continue
            with os.fdopen(descriptor, "rb") as file:
                assert file.read() == INSIDE, path
            got["read"] = got.get("read", 0) + 1
    assert sum(got.values()) == len(paths) > 20_000
    assert min(got.get(kind, 0) for kind in ("read", "missing", "outside", "not_regular")) > 20


@contextmanager
def swapped(one: Path, other: Path) -> Iterator[None]:
    """Have two names exchanged all the time."""
    with subprocess.Popen(
        [sys.executable, "-I", SWAPPER, one, other], stdout=subprocess.PIPE
    ) as swapper:
        assert swapper.stdout is not None
        assert swapper.stdout.readline() == b"swapping\n"
        try:
            yield
            assert swapper.poll() is None
        finally:
            swapper.kill()


@pytest.fixture
def raced(tmp_path: Path) -> Iterator[Path]:
    """A workspace in which `folder` is a folder one moment and a link to secrets the next."""
    root = tmp_path / "workspace"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_bytes(INSIDE)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "file").write_bytes(OUTSIDE)
    (root / "other").symlink_to("../secrets")
    with swapped(root / "folder", root / "other"):
        yield root


@pytest.mark.usefixtures("way")
def test_whoever_swaps_folders_meanwhile_never_gets_out(raced: Path) -> None:
    inside_count = 0
    with Beneath(raced) as inside:
        for _ in range(TRIES):
            try:
                descriptor = inside.open("folder/file")
            except PathRefused:
                continue
            content = os.read(descriptor, 6)
            os.close(descriptor)
            assert content == INSIDE
            inside_count += 1
    assert 0 < inside_count < TRIES  # the race was on


def test_a_check_before_the_use_is_no_defence(raced: Path) -> None:
    escaped = 0
    for _ in range(TRIES):
        path = raced / "folder" / "file"
        try:
            if not path.resolve().is_relative_to(raced):
                continue
            escaped += path.read_bytes() == OUTSIDE
        except OSError:
            continue
        if escaped:
            break
    assert escaped


@pytest.mark.usefixtures("way")
def test_a_file_exchanged_for_a_fifo_never_makes_us_wait(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(INSIDE)
    os.mkfifo(tmp_path / "fifo")
    got: set[Refusal | bytes] = set()
    with swapped(tmp_path / "file", tmp_path / "fifo"), Beneath(tmp_path) as inside:
        for _ in range(20_000):
            try:
                descriptor = inside.open("file")
            except PathRefused as refused:
                got.add(refused.refusal)
                continue
            got.add(os.read(descriptor, 6))
            os.close(descriptor)
    assert got == {INSIDE, Refusal.NOT_REGULAR}


@pytest.mark.usefixtures("way")
def test_every_descriptor_is_given_back(root: Path) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_descriptors()
    for path in ("file", "nothing", "fifo", "to-secrets/file", "../x", "big", "folder/deep/file"):
        told(root, path)
    assert open_descriptors() == before
