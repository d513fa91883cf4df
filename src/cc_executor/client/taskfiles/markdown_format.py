"""Markdown: a list of prompts, or a `## Task` section for each.

Optional front matter (YAML between `---` lines) holds what a list's top level may hold. Text that
is in no task is for people. A prompt is the source as it stands, code blocks included.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from cc_executor.client.taskfiles import yaml_format
from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position

_TASK_HEADING: Final = re.compile(r"^task\b\s*\d*\s*[:.)\u2013-]*\s*(.*)$", re.IGNORECASE)
_MARKER: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])(?:\s+|$)")
_CHECKBOX: Final = re.compile(r"^\[[ xX]\]\s+")
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_NAME: Final = 40
_LISTS: Final = ("bullet_list_open", "ordered_list_open")


class _Task(NamedTuple):
    """A task, and the 1-based line where it begins."""

    fields: dict[str, Any]
    line: int


def parse(text: str) -> Parsed:
    """Return the content of a Markdown task list.

    Raises:
        Malformed: It has neither a list nor `## Task` sections, or several lists.
    """
    lines = text.split("\n")
    top, positions, body_at = _front_matter(lines)
    # Only blocks matter; what is inside a line stays as it is.
    parser = MarkdownIt("commonmark").disable("inline")
    # Empty lines for the front matter, so that lines keep their numbers.
    tokens = parser.parse("\n".join([*[""] * body_at, *lines[body_at:]]))
    tasks = _sections(tokens, lines) or _items(tokens, lines)
    if not tasks:
        raise Malformed(
            "holds no tasks",
            Position(1, 1),
            hint="Write a list of prompts, or one `## Task` section for each.",
        )
    for number, task in enumerate(tasks):
        positions[f"tasks[{number}]"] = Position(task.line, 1)
    positions.setdefault("", Position(1, 1))
    return Parsed({**top, "tasks": [task.fields for task in tasks]}, positions)


def _front_matter(lines: list[str]) -> tuple[dict[str, Any], dict[str, Position], int]:
    """Return its content, where that stands, and how many lines it takes."""
    if lines[0].rstrip() != "---":
        return {}, {}, 0
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise Malformed("the front matter does not end with `---`", Position(1, 1))
    if not any(line.strip() for line in lines[1:end]):
        return {}, {}, end + 1
    # The first line becomes empty, so that lines keep their numbers.
    parsed = yaml_format.parse("\n".join(["", *lines[1:end]]))
    if not isinstance(parsed.value, dict):
        raise Malformed("the front matter must be a mapping", Position(2, 1))
    if "tasks" in parsed.value:
        hint = "Write the tasks below it, or make the file a .yaml one."
        raise Malformed("front matter holds no tasks", parsed.position("tasks"), hint=hint)
    return parsed.value, parsed.positions, end + 1


def _sections(tokens: list[Token], lines: list[str]) -> list[_Task]:
    headings = [
        (token.map[0], token.map[1], _TASK_HEADING.match(tokens[at + 1].content.strip()))
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0 and token.map
    ]
    if not any(title for _, _, title in headings):
        return []
    tasks: list[_Task] = []
    names: set[str] = set()
    ends = [begin for begin, _, _ in headings[1:]] + [len(lines)]
    for (begin, body, title), end in zip(headings, ends, strict=True):
        if title is None:
            raise Malformed(
                "every `##` section must be a task when one is",
                Position(begin + 1, 1),
                hint="Begin its heading with `Task`, or make it a `###` of its task.",
            )
        fields = {"prompt": "\n".join(lines[body:end]).strip()}
        name = _NOT_IN_NAME.sub("-", title[1]).strip("-")[:_MAX_NAME].rstrip("-").lower()
        if name and name not in names:
            names.add(name)
            fields["name"] = name
        tasks.append(_Task(fields, begin + 1))
    return tasks


def _items(tokens: list[Token], lines: list[str]) -> list[_Task]:
    lists = [token.map for token in tokens if token.type in _LISTS and not token.level]
    if len(lists) > 1:
        raise Malformed(
            "holds several lists",
            Position(lists[1][0] + 1, 1) if lists[1] else None,
            hint="Keep one list, or write one `## Task` section for each task.",
        )
    return [
        _Task({"prompt": _item_text(lines[token.map[0] : token.map[1]])}, token.map[0] + 1)
        for token in tokens
        if token.type == "list_item_open" and token.level == 1 and token.map
    ]


def _item_text(lines: list[str]) -> str:
    """Return an item's source without its marker, and its further lines without their indent."""
    marker = _MARKER.match(lines[0])
    width = marker.end() if marker else 0
    first = _CHECKBOX.sub("", lines[0][width:])
    rest = [line[_indent(line, width) :] for line in lines[1:]]
    return "\n".join([first, *rest]).strip()


def _indent(line: str, at_most: int) -> int:
    return min(len(line) - len(line.lstrip(" ")), at_most)
