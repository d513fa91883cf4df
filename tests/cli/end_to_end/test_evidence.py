"""From a run to a verified bundle on another machine, by the command line alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.end_to_end.program import Program

LIST = """
title: A [list](http://example.org)
tasks:
  - name: make
    command: [touch, app.py]
    expects: {files: [app.py]}
    checks: [[test, -f, app.py]]
"""


def test_what_was_run_is_verified_bundled_and_verified_elsewhere(program: Program) -> None:
    (program.workspace / "list.yaml").write_text(LIST)
    assert program.run("run", "-f", "list.yaml", "--id", "one").returncode == 0

    here = program.run("verify", "one")
    exported = program.run("history", "export", "--bundle", "one", "-o", "b.tar")
    shutil.rmtree(Path(program.environ["CC_EXECUTOR_HOME"]))
    elsewhere = program.run("verify", "./b.tar", "--json")

    assert here.returncode == 0, here.stderr
    assert here.stdout.decode().startswith("one verified  evidence intact, ")
    root, path = exported.stdout.decode().split()
    assert (len(root), path) == (64, "b.tar")
    assert elsewhere.returncode == 0, elsewhere.stdout
    said = json.loads(elsewhere.stdout)
    assert (said["verified"], said["intact"], said["source"]) == (True, True, "./b.tar")


def test_a_bundle_that_was_changed_ends_with_1_and_names_the_fault(program: Program) -> None:
    program.run("run", "--id", "one", "--check", "true", "--command", "--", "echo", "hello there")
    program.run("history", "export", "--bundle", "one", "-o", "b.tar")
    bundle = program.workspace / "b.tar"
    bundle.write_bytes(bundle.read_bytes().replace(b"hello there", b"HELLO there", 1))

    ended = program.run("verify", "b.tar")

    assert ended.returncode == 1
    text = ended.stdout.decode()
    assert text.startswith("one not verified  evidence NOT intact")
    assert "of record 0 are damaged" in text or "its content is another one" in text


def test_what_nobody_checked_is_not_verified(program: Program) -> None:
    program.run("run", "--id", "one", "--command", "--", "touch", "app.py")

    ended = program.run("verify", "one")

    assert ended.returncode == 1
    assert "nothing was checked when it ended" in ended.stdout.decode()


def test_a_report_is_made_from_the_bundle(program: Program) -> None:
    (program.workspace / "list.yaml").write_text(LIST)
    program.run("run", "-f", "list.yaml", "--id", "one")
    program.run("history", "export", "--bundle", "one", "-o", "folder")

    markdown = program.run("verify", "./folder", "--report", "markdown").stdout.decode()
    as_object = json.loads(program.run("verify", "./folder", "--report", "json").stdout)

    assert markdown.startswith("# A \\[list\\](http://example.org)\n\n**Verified.**")
    assert "| test -f app.py | yes |  |" in markdown
    assert as_object["tasks"][0]["outcome"]["verified"]["status"] == "verified"


def test_options_that_do_not_fit_are_refused(program: Program) -> None:
    for arguments in (
        ["verify", "one", "--workspace", "."],
        ["verify", "one", "--signers", "file"],
        ["history", "export", "--sign", "key"],
        ["history", "export", "-o", "b.tar"],
        ["verify", "./nothing.tar"],
    ):
        assert program.run(*arguments).returncode == 2, arguments
    assert program.run("verify", "one").returncode == 3
