"""The runner of snippets: what it runs, and that it sees what a page gets wrong."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.docs.snippets import SnippetError, faults, play, snippets

if TYPE_CHECKING:
    from pathlib import Path


def page(text: str) -> str:
    return textwrap.dedent(text).replace("~~~", "```")


def play_page(text: str, folder: Path) -> None:
    play(snippets("page.md", page(text)), folder)


def test_the_blocks_of_a_page_run_in_order_in_one_folder(tmp_path: Path) -> None:
    play_page(
        """
        ~~~toml save=data.toml
        answer = 42
        ~~~

        1. in a list

           ~~~python run
           from pathlib import Path
           Path("copy").write_text(Path("data.toml").read_text())
           ~~~

        ~~~console run
        $ cat copy
        answer = 42
        $ python -c "print('two words')"  # a comment
        two words
        ~~~
        """,
        tmp_path,
    )

    assert (tmp_path / "work" / "copy").read_text() == "answer = 42\n"


def test_a_block_that_is_not_marked_is_left_alone(tmp_path: Path) -> None:
    play_page(
        """
        ~~~python
        raise SystemExit(1)
        ~~~
        """,
        tmp_path,
    )

    assert list((tmp_path / "work").iterdir()) == []


def test_snippets_see_a_home_of_their_own_and_nothing_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-callers")

    play_page(
        f"""
        ~~~python run
        import os
        assert os.environ["HOME"] == {str(tmp_path)!r}
        assert os.environ["CC_EXECUTOR_HOME"].startswith({str(tmp_path)!r})
        assert "ANTHROPIC_API_KEY" not in os.environ
        ~~~
        """,
        tmp_path,
    )


@pytest.mark.parametrize("shown", ["on... three", "one\ntwo three", "...", "one\n...ee", ""])
def test_output_may_be_abridged(shown: str, tmp_path: Path) -> None:
    play_page(f"~~~console run\n$ printf 'one\\ntwo three\\n'\n{shown}\n~~~", tmp_path)


@pytest.mark.parametrize("shown", ["one", "two three", "one\ntwo ... four", "One\ntwo three"])
def test_output_that_differs_is_seen(shown: str, tmp_path: Path) -> None:
    with pytest.raises(SnippetError, match=r"page.md:1: .* printed"):
        play_page(f"~~~console run\n$ printf 'one\\ntwo three\\n'\n{shown}\n~~~", tmp_path)


def test_a_shown_exit_status_is_checked(tmp_path: Path) -> None:
    play_page("~~~console run exit=3\n$ true\n$ python -c 'exit(3)'\n~~~", tmp_path)


@pytest.mark.parametrize(
    "block",
    [
        "~~~console run\n$ false\n~~~",
        "~~~console run exit=3\n$ true\n~~~",
        "~~~console run exit=1\n$ false\n$ false\n~~~",
        "~~~python run\nraise ValueError\n~~~",
    ],
)
def test_an_exit_status_that_differs_is_seen(block: str, tmp_path: Path) -> None:
    with pytest.raises(SnippetError, match="ended with"):
        play_page(block, tmp_path)


@pytest.mark.parametrize("command", ["ls | wc", "ls > x", "a && b", "echo $(ls)", "a; b"])
def test_a_command_that_needs_a_shell_is_refused(command: str, tmp_path: Path) -> None:
    with pytest.raises(SnippetError, match="needs a shell"):
        play_page(f"~~~console run\n$ {command}\n~~~", tmp_path)


def test_output_without_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnippetError, match="starts with"):
        play_page("~~~console run\nls\n~~~", tmp_path)


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("~~~\nx\n~~~", "name the language"),
        ("~~~python\nx\n~~~", "does not say why"),
        ("~~~console\n$ ls\n~~~", "does not say why"),
        ("<!-- not run: -->\n~~~console\n$ ls\n~~~", "does not say why"),
        ("<!-- not run: too far up -->\n\ntext\n\n~~~sh\nls\n~~~", "does not say why"),
        ("<!-- not run: both -->\n~~~console run\n$ ls\n~~~", "says why it is not"),
        ("~~~sh run\nls\n~~~", "cannot be run"),
        ("~~~console runs\n$ ls\n~~~", "unknown option 'runs'"),
    ],
)
def test_a_badly_marked_block_is_seen(block: str, fault: str) -> None:
    [snippet] = snippets("page.md", page(block))

    assert any(fault in found for found in faults(snippet))


@pytest.mark.parametrize(
    "block",
    [
        "~~~text\nx\n~~~",
        "~~~yaml\nx: 1\n~~~",
        "~~~python run\nx = 1\n~~~",
        "~~~python save=x.py\nx = 1\n~~~",
        "<!-- not run: it needs a login -->\n~~~console\n$ ls\n~~~",
        "<!-- not run: it needs a login -->\n\n~~~console\n$ ls\n~~~",
    ],
)
def test_a_well_marked_block_passes(block: str) -> None:
    [snippet] = snippets("page.md", page(block))

    assert list(faults(snippet)) == []
