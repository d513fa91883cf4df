from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cc_executor.testing.scripted_agent import Script
from cc_executor.testing.scripted_agent.script import INLINE_LIMIT_BYTES, KINDS

BOUND_S = 20


def run(argv: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND_S, check=False
    )


def inline(script: object) -> list[str]:
    command = Script().argv()
    return [*command[: command.index("--inline") + 1], json.dumps(script)]


def test_a_method_adds_a_step_and_leaves_the_script_as_it_was() -> None:
    start = Script().line("one")

    longer = start.exit(3)

    assert longer == ({"do": "line", "text": "one"}, {"do": "exit", "code": 3})
    assert start == ({"do": "line", "text": "one"},)


def test_positional_and_named_parameters_make_the_same_step() -> None:
    assert Script().write_file("a", "b", append=True) == Script().write_file(
        path="a", text="b", append=True
    )


def test_paths_and_scripts_within_scripts_become_plain_json() -> None:
    script = Script().child(Script().touch(Path("here")).hang(), daemon=True)

    assert json.loads(script.to_json()) == [
        {
            "do": "child",
            "steps": [{"do": "touch", "path": "here"}, {"do": "hang"}],
            "daemon": True,
        }
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_says_what_it_does(kind: str) -> None:
    assert (KINDS[kind].perform.__doc__ or "").strip()
    assert getattr(Script(), kind)


def test_a_short_script_goes_inline_and_is_played_by_an_isolated_python(tmp_path: Path) -> None:
    argv = Script().line("hi").exit(3).argv("--flag", folder=tmp_path)

    done = run(argv)

    assert argv[1:3] == ["-I", "-S"]
    assert "--inline" in argv
    assert list(tmp_path.iterdir()) == []
    assert (done.returncode, done.stdout, done.stderr) == (3, b"hi\n", b"")


def test_a_long_script_goes_into_a_file(tmp_path: Path) -> None:
    text = "x" * INLINE_LIMIT_BYTES

    done = run(Script().line(text).argv(folder=tmp_path))

    assert len(list(tmp_path.iterdir())) == 1
    assert done.stdout == text.encode() + b"\n"
    with pytest.raises(ValueError, match="needs a folder"):
        Script().line(text).argv()


def test_the_program_also_runs_as_a_module(tmp_path: Path) -> None:
    import sys

    script = tmp_path / "script.json"
    script.write_text(Script().line("module").to_json())

    done = run([sys.executable, "-m", "cc_executor.testing.scripted_agent", str(script)])

    assert (done.returncode, done.stdout) == (0, b"module\n")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        pytest.param({"do": "line"}, "a list of objects", id="no list"),
        pytest.param(["line"], "a list of objects", id="no object"),
        pytest.param([{"do": "dance"}], "no step is called 'dance'", id="unknown kind"),
        pytest.param([{"text": "x"}], "no step is called None", id="no kind"),
        pytest.param([{"do": "line"}], "'line' needs text", id="parameter missing"),
        pytest.param([{"do": "hang", "for": 1}], "'hang' knows no for", id="unknown parameter"),
        pytest.param(
            [{"do": "child", "steps": [{"do": "dance"}]}], "no step is called", id="nested"
        ),
    ],
)
def test_a_bad_script_is_refused_before_anything_is_played(script: object, complaint: str) -> None:
    whole = [{"do": "line", "text": "played"}, *script] if isinstance(script, list) else script

    done = run(inline(whole))

    assert (done.returncode, done.stdout) == (64, b"")
    assert complaint in done.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [[], ["--inline"], ["--inline", "{"], ["/nowhere/script.json"], ["--lifetime-s", "soon"]],
    ids=["nothing", "no script", "no json", "no file", "no number"],
)
def test_a_bad_command_line_is_answered_with_the_usage(arguments: list[str]) -> None:
    command = Script().argv()

    done = run([*command[: command.index("--inline")], *arguments])

    assert done.returncode == 64
    assert b"usage:" in done.stderr


def test_a_step_that_fails_is_a_bug_and_no_result(tmp_path: Path) -> None:
    done = run(Script().delete_file(tmp_path / "missing").line("never").argv())

    assert (done.returncode, done.stdout) == (70, b"")
    assert b"FileNotFoundError" in done.stderr
