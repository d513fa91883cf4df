from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.client.taskfiles import (
    json_format,
    load_task_file,
    markdown_format,
    toml_format,
    yaml_format,
)
from cc_executor.client.taskfiles.load import MAX_BYTES
from cc_executor.client.taskfiles.parsed import Malformed
from cc_executor.errors import InvalidTaskFile
from cc_executor.model.failures import Failure
from cc_executor.model.lists import task_list
from cc_executor.model.specs import Park, RetryPolicy

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


PARKED = {
    "list.yaml": "park: {max_hours: 2}\ndefaults: {retry: {max: 2, on: [overloaded]}}\ntasks: [a]\n",
    "list.json": (
        '{"park": {"max_hours": 2}, "tasks": ["a"],'
        ' "defaults": {"retry": {"max": 2, "on": ["overloaded"]}}}'
    ),
    "list.toml": (
        'tasks = ["a"]\n[park]\nmax_hours = 2\n[defaults.retry]\nmax = 2\non = ["overloaded"]\n'
    ),
    "list.md": (
        "---\npark: {max_hours: 2}\ndefaults: {retry: {max: 2, on: [overloaded]}}\n---\n1. a\n"
    ),
}


@pytest.mark.parametrize("name", PARKED)
def test_what_is_said_of_waits_can_be_said_in_each_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PARKED[name])
    (task,) = task_list(load_task_file(tmp_path / name), workspace="/").tasks
    assert task.park == Park(max_hours=2)
    assert task.retry == RetryPolicy(max=2, on=(Failure.OVERLOADED,))


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
    ("a.yaml", "# nothing\n", 1, "empty"),
    ("a.yaml", "tasks:\n- prompt: Fix: the bug\n", 2, "mapping values"),
    ("a.yaml", "tasks:\n- prompt: {{ tasks.a.result }}\n", 2, "key must be text"),
    ("a.yaml", "tasks:\n\t- x\n", 2, ""),
    ("a.yaml", "tasks: [x]\n---\ntasks: [y]\n", 2, "document"),
    ("a.yaml", "tasks:\n- a\x01\n", 2, "#x0001"),
    ("a.yaml", "tasks:\n- x\nagent: [3]\n", 3, "agent"),
    ("a.yaml", "tasks: [x]\ndefaults:\n  env:\n    A: 3\n", 4, "defaults.env.A"),
    ("a.yaml", "tasks: [x]\nworkspace: 3\n", 2, "workspace"),
    ("a.yaml", f"tasks:\n- retries: {'9' * 5000}\n", 2, "not a value"),
    ("a.yaml", "[" * 100_000, 1, "depth"),
    (
        "a.yaml",
        "tasks:\n- prompt: x\n  json_schema:\n    properties:\n      n: {type: nr}\n",
        5,
        "json_schema.properties.n.type",
    ),
    ("a.yaml", "just a sentence", 1, "list"),
    ("a.json", '{"tasks": ["x",]}', 1, ""),
    ("a.json", '{\n "tasks": [\n  {"prompt": 3}]}', 3, "prompt"),
    ("a.json", '{"tasks": ["x"],\n "tasks": []}', 2, "twice"),
    ("a.json", '{"tasks": [\n{"prompt": "x", "timeout": NaN}]}', 2, "NaN"),
    ("a.json", '{"tasks": ["x"], "a\\"{": 1,\n\n"b": 2}', 1, "has no field"),
    ("a.json", '{"tasks": ["a\\"]}[,\\n", "b",\n {"prompt": "", "name": "c"}]}', 2, "empty"),
    ("a.json", "[" * 100_000, 1, "nested"),
    ("a.json", '"x"', 1, "list"),
    ("a.toml", "tasks = [\n", 1, ""),
    ("a.toml", f"tasks = {'[' * 100_000}", 1, "nested"),
    ("a.toml", "tasks = ['x']\ntasks = []\n", 2, "overwrite"),
    ("a.toml", "[[tasks]]\nprompt='x'\n[tasks.env]\nA = 3\n", 4, "env.A"),
    ("a.toml", "tasks = ['x']\ndefaults.timeout = -1\n", 2, "defaults.timeout"),
    (
        "a.toml",
        '[[tasks]]\nprompt = """\n[[tasks]]\nretries = 3\n"""\nretries = -1\n',
        6,
        "retries",
    ),
    ("a.toml", 'title = "x"\ntasks = 3 4\n', 2, ""),
    ("a.toml", '[[tasks]]\nprompt = "x"\n\n[[tasks]]\nprompt = "y"\nretries = -1\n', 6, "retries"),
    ("a.md", "# Only words\n\nNothing to do.\n", 1, "no tasks"),
    ("a.md", "- a\n\nword\n\n1. b\n", 5, "several lists"),
    ("a.md", "## Task\nx\n\n## Notes\ny\n", 4, "section"),
    ("a.md", "---\ntasks\n- x\n", 1, "front matter"),
    ("a.md", "---\ntitle: x\ntasks: [y]\n---\n- x\n", 3, "front matter"),
    ("a.md", "---\n- x\n---\n- x\n", 2, "front matter"),
    ("a.md", "---\ntitle: x\nagnet: y\n---\n- x\n", 3, "agnet"),
    ("a.md", "---\ntitle: x\n---\n\n- x\n- \n", 6, "empty"),
    ("a.md", "## Task: a\nx\n\n## Task: b\n\n", 4, "empty"),
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


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")

    with pytest.raises(InvalidTaskFile, match="not a regular file"):
        load_task_file(tmp_path / "a.yaml")


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "a.toml", "a.md"])
def test_a_file_that_is_too_large_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x" * (MAX_BYTES + 1))

    with pytest.raises(InvalidTaskFile, match="larger than"):
        load_task_file(tmp_path / name)


def test_a_small_file_of_aliases_does_not_become_a_large_list(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    levels = [f"- &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    path.write_text("\n".join(["- &a0 [x]", *levels]))
    with pytest.raises(InvalidTaskFile, match="too large"):
        load_task_file(path)

    path.write_text(f"- &a {'x' * 1_000_000}\n" + "- *a\n" * 50)
    with pytest.raises(InvalidTaskFile, match="too much text"):
        load_task_file(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()

    with pytest.raises(InvalidTaskFile, match="Is a directory"):
        load_task_file(tmp_path / "a.yaml")


def test_an_alias_may_say_things_once(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("tasks:\n- {prompt: x, env: &e {A: b}}\n- {prompt: y, env: *e}\n")

    assert load_task_file(path)["tasks"][1] == {"prompt": "y", "env": {"A": "b"}}


def test_the_home_of_the_user_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    path = tmp_path / "list.yaml"
    path.write_text("workspace: ~/todo\ntasks: [x]\n")

    assert load_task_file(path)["workspace"] == "/home/somebody/todo"


def test_markdown_items_keep_their_shape(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_bytes(
        b"# Plan\r\n\r\n- [ ] One:\r\n  - a\r\n    - b\r\n"
        b"- Two with `code`, *stars* and \xe2\x80\xa8 a separator\r\n-\r\n  Three\r\n"
    )

    assert load_task_file(path) == {
        "tasks": [
            {"prompt": "One:\n- a\n  - b"},
            {"prompt": "Two with `code`, *stars* and \u2028 a separator"},
            {"prompt": "Three"},
        ]
    }


def test_a_fenced_heading_is_no_section(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text("## Task: a\n```md\n## Task: not one\n- x\n```\n\n### More\ny\n")

    assert load_task_file(path) == {
        "tasks": [{"name": "a", "prompt": "```md\n## Task: not one\n- x\n```\n\n### More\ny"}]
    }


def test_a_second_section_of_one_name_goes_without(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text("## Task: Do it!\nx\n\n## Task: do it\ny\n")

    names = [task.get("name") for task in load_task_file(path)["tasks"]]

    assert names == ["do-it", None]


FORMATS = st.sampled_from([yaml_format, json_format, toml_format, markdown_format])
SNIPPETS = st.lists(
    st.sampled_from(
        [
            "tasks",
            ":",
            " ",
            "\n",
            "- ",
            "[",
            "]",
            "{",
            "}",
            "=",
            '"',
            "'",
            '"""',
            "x",
            "&a",
            "*a",
            "|",
            "#",
            "## Task",
            "---",
            "\t",
            "\\",
            "1.",
            ",",
            "\0",
            "!",
            "%",
            "é",
            "NaN",
            "<<",
            "?",
        ]
    ),
    max_size=30,
).map("".join)


@given(FORMATS, SNIPPETS | st.text(max_size=40))
def test_whatever_stands_in_a_file_is_a_value_or_a_refusal(parser: ModuleType, text: str) -> None:
    try:
        parsed = parser.parse(text)
    except Malformed as refusal:
        problem, place = refusal.problem, refusal.position
    else:
        problem, place = "", parsed.position("tasks[0].prompt")

    assert place is not None
    assert 1 <= place.line <= text.count("\n") + 2
    assert "\n" not in problem


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(PLAIN, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_values_stand_where_they_are_said_to(
    value: object,
    indent: int | str | None,
    ascii_only: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    text = json.dumps({"tasks": ["first", value, 77]}, indent=indent, ensure_ascii=ascii_only)

    parsed = json_format.parse(text)

    assert parsed.value == json.loads(text)
    line, column = parsed.positions["tasks[2]"]
    assert text.split("\n")[line - 1][(column or 0) - 1 :].startswith("77")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTaskFile, match="No such file"):
        load_task_file(tmp_path / "nothing.yaml")
