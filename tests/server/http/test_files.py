"""Files of tasks: only what they have written, whatever else lies there or a path says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.server.http.calls import call
from tests.server.serving import Served

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def place(server: Served, workspace: Path) -> str:
    (workspace / "secret").write_text("was here before")
    script = (
        "import os, pathlib; os.mkdir('sub');"
        "pathlib.Path('sub/out.bin').write_bytes(bytes(range(256)) * 1000);"
        "os.symlink('/etc/passwd', 'link')"
    )
    asked = {"workspace": str(workspace), "tasks": [{"command": ["python3", "-c", script]}]}
    ended = call(server, "POST", "/execute?wait=true", asked)
    assert ended.status == 200, ended
    return f"/executions/{ended.json['execution_id']}/files"


def test_what_was_written_is_listed_and_fetched(server: Served, place: str) -> None:
    files = {one["path"]: one for one in call(server, "GET", place).json["files"]}
    whole = call(server, "GET", f"{place}/sub/out.bin")

    assert set(files) == {"sub/out.bin", "link"}
    assert files["sub/out.bin"]["size"] == len(CONTENT)
    assert files["sub/out.bin"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (whole.status, whole.body) == (200, CONTENT)
    assert whole.headers["x-recorded-sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert whole.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-299", 100, 300),
        ("bytes=255990-", 255_990, 256_000),
        ("bytes=-10", 255_990, 256_000),
        ("bytes=255999-999999", 255_999, 256_000),
    ],
)
def test_a_range_is_exactly_that(
    server: Served, place: str, asked: str, start: int, end: int
) -> None:
    part = call(server, "GET", f"{place}/sub/out.bin", Range=asked)

    assert (part.status, part.body) == (206, CONTENT[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/256000"


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=10-5", "bytes=-0"])
def test_a_range_without_a_byte_is_refused(server: Served, place: str, asked: str) -> None:
    refused = call(server, "GET", f"{place}/sub/out.bin", Range=asked)

    assert (refused.status, refused.json["error"]["size"]) == (416, 256_000)


@pytest.mark.parametrize(
    "path",
    [
        "secret",
        "link",
        "nothing",
        "../workspace/secret",
        "%2e%2e/secret",
        "sub/../secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "sub",
        "sub/out.bin%00",
    ],
)
def test_nothing_else_can_be_had(server: Served, place: str, path: str) -> None:
    refused = call(server, "GET", f"{place}/{path}")

    assert refused.status == 404
    assert b"was here before" not in refused.body


def test_a_file_that_was_swapped_for_a_link_is_not_followed(
    server: Served, place: str, workspace: Path
) -> None:
    (workspace / "sub" / "out.bin").unlink()
    (workspace / "sub" / "out.bin").symlink_to(workspace / "secret")

    refused = call(server, "GET", f"{place}/sub/out.bin")

    assert (refused.status, refused.json["error"]["code"]) == (404, "artefact.not_found")
