from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.client.taskfiles import load_task_file
from cc_executor.errors import InvalidTaskFile

TWO = {"tasks": [{"name": "a", "prompt": "Do this"}, {"command": ["wc", "-l", "x"]}]}

GOOD = {
    "list.yaml": "tasks:\n  - {name: a, prompt: Do this}\n  - command: [wc, -l, x]\n",
    "list.yml": "tasks:\n- name: a\n  prompt: Do this\n- command:\n  - wc\n  - -l\n  - x\n",
    "list.json": '{"tasks": [{"name": "a", "prompt": "Do this"},\n\t{"command": ["wc", "-l", "x"]}]}',
    "list.toml": (
        '[[tasks]]\nname = "a"\nprompt = "Do this"\n[[tasks]]\ncommand = ["wc", "-l", "x"]\n'
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_each_format_says_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD[name])

    assert load_task_file(tmp_path / name) == TWO


def test_a_markdown_list_is_a_prompt_an_item_with_its_code(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text(
        "---\ndefaults: {timeout: 9}\n---\n# Work\n\nSome words.\n\n"
        "1. Do this\n   with care\n2. Run it:\n\n   ```sh\n   make all\n   ```\n"
    )

    assert load_task_file(path) == {
        "defaults": {"timeout": 9},
        "tasks": [
            {"prompt": "Do this\nwith care"},
            {"prompt": "Run it:\n\n```sh\nmake all\n```"},
        ],
    }


def test_markdown_sections_are_named_tasks(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text("# Work\n\n## Task 1: Create the API\nDo it.\n\n- a\n\n## Task\nTest it.\n")

    assert load_task_file(path) == {
        "tasks": [
            {"name": "create-the-api", "prompt": "Do it.\n\n- a"},
            {"prompt": "Test it."},
        ]
    }


def test_a_workspace_is_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("workspace: sub\ntasks: [x]\n")

    assert load_task_file(path)["workspace"] == str(tmp_path / "sub")


BAD = [
    ("a.yaml", "tasks:\n  - prompt: x\n    promt: y\n", 3, "promt"),
    ("a.yaml", "tasks:\n  - prompt: x\n    timeout: -1\n", 3, "timeout"),
    ("a.yaml", "tasks:\n  - prompt: x\n    prompt: y\n", 3, "twice"),
    ("a.yaml", "tasks: [\n", 2, ""),
    ("a.yaml", "tasks:\n  - prompt: 2026-11-24\n", 2, "timestamp"),
    ("a.yaml", "a: &a [*a]\n", 1, ""),
    ("a.yaml", "tasks:\n  - prompt: ''\n", 2, "empty"),
    ("a.yaml", "tasks:\n- prompt: x\n  needs: [nope]\n", 3, "nope"),
    ("a.yaml", "", 1, "empty"),
    ("a.json", '{"tasks": ["x",]}', 1, ""),
    ("a.json", '{\n "tasks": [\n  {"prompt": 3}]}', 3, "prompt"),
    ("a.json", '{"tasks": ["x"], "tasks": []}', None, "twice"),
    ("a.json", '{"tasks": NaN}', None, "NaN"),
    ("a.toml", "tasks = [\n", None, ""),
    ("a.toml", 'title = "x"\ntasks = 3 4\n', 2, ""),
    ("a.toml", '[[tasks]]\nprompt = "x"\n\n[[tasks]]\nprompt = "y"\nretries = -1\n', 6, "retries"),
    ("a.md", "# Only words\n\nNothing to do.\n", 1, "no tasks"),
    ("a.md", "- a\n\nword\n\n1. b\n", 5, "several lists"),
    ("a.md", "## Task\nx\n\n## Notes\ny\n", 4, "section"),
    ("a.md", "---\ntasks\n- x\n", 1, "front matter"),
    ("a.txt", "x", None, "ending"),
]


@pytest.mark.parametrize(("name", "text", "line", "problem"), BAD)
def test_a_bad_file_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str, line: int | None, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(InvalidTaskFile) as refusal:
        load_task_file(path)

    assert problem in refusal.value.problem
    if line is not None:
        assert refusal.value.line == line
        assert f"{path}:{line}" in str(refusal.value)
    assert refusal.value.hint


def test_bytes_that_are_no_text_are_refused_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"tasks:\n  - caf\xe9\n")

    with pytest.raises(InvalidTaskFile) as refusal:
        load_task_file(path)

    assert (refusal.value.line, refusal.value.column) == (2, 8)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTaskFile, match="No such file"):
        load_task_file(tmp_path / "nothing.yaml")
