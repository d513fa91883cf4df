"""Markdown: a list of prompts, or a `## Task` section for each.

Optional front matter (YAML between `---` lines) holds what a list's top level may hold. Text that
is in no task is for people. A prompt is the source as it stands, code blocks included.
"""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from cc_executor.client.taskfiles import yaml_format
from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position

_TASK_HEADING: Final = re.compile(r"^task\b\s*\d*\s*[:.)\u2013-]*\s*(.*)$", re.IGNORECASE)
_MARKER: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?")
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9]+")
_MAX_NAME: Final = 40


def parse(text: str) -> Parsed:
    """Return the content of a Markdown task list.

    Raises:
        Malformed: It has neither a list nor `## Task` sections, or several lists.
    """
    lines = text.splitlines()
    top, positions, body_at = _front_matter(lines)
    tokens = MarkdownIt().parse("\n".join(lines[body_at:]))
    tasks = _sections(tokens, lines, body_at) or _items(tokens, lines, body_at)
    if not tasks:
        raise Malformed(
            "holds no tasks",
            Position(1, 1),
            hint="Write a list of prompts, or one `## Task` section for each.",
        )
    for number, (_, line) in enumerate(tasks):
        positions[f"tasks[{number}]"] = Position(line, 1)
    positions.setdefault("", Position(1, 1))
    return Parsed({**top, "tasks": [task for task, _ in tasks]}, positions)


def _front_matter(lines: list[str]) -> tuple[dict[str, Any], dict[str, Position], int]:
    if not lines or lines[0].strip() != "---":
        return {}, {}, 0
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise Malformed("the front matter does not end with `---`", Position(1, 1))
    # The first line becomes empty, so that lines keep their numbers.
    parsed = yaml_format.parse("\n".join(["", *lines[1:end]]))
    if not isinstance(parsed.value, dict):
        raise Malformed("the front matter must be a mapping", Position(2, 1))
    return parsed.value, parsed.positions, end + 1


def _sections(tokens: list[Token], lines: list[str], offset: int) -> list[tuple[Any, int]]:
    headings = [
        (token.map[0] + offset, token.map[1] + offset, tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0 and token.map
    ]
    matches = [(begin, body, _TASK_HEADING.match(text)) for begin, body, text in headings]
    if not any(match for _, _, match in matches):
        return []
    tasks: list[tuple[Any, int]] = []
    names: set[str] = set()
    ends = [begin for begin, _, _ in headings[1:]] + [len(lines)]
    for (begin, body, match), end in zip(matches, ends, strict=True):
        if match is None:
            raise Malformed(
                "every `##` section must be a task when one is",
                Position(begin + 1, 1),
                hint="Begin its heading with `Task`, or make it a `###` of its task.",
            )
        task = {"prompt": "\n".join(lines[body:end]).strip()}
        name = _NOT_IN_NAME.sub("-", match[1]).strip("-").lower()[:_MAX_NAME].strip("-")
        if name and name not in names:
            names.add(name)
            task["name"] = name
        tasks.append((task, begin + 1))
    return tasks


def _items(tokens: list[Token], lines: list[str], offset: int) -> list[tuple[Any, int]]:
    lists = [
        token
        for token in tokens
        if token.type in ("bullet_list_open", "ordered_list_open") and token.level == 0
    ]
    if len(lists) > 1 and lists[1].map:
        raise Malformed(
            "holds several lists",
            Position(lists[1].map[0] + offset + 1, 1),
            hint="Keep one list, or write one `## Task` section for each task.",
        )
    return [
        (
            {"prompt": _item_text(lines[token.map[0] + offset : token.map[1] + offset])},
            token.map[0] + offset + 1,
        )
        for token in tokens
        if token.type == "list_item_open" and token.level == 1 and token.map
    ]


def _item_text(lines: list[str]) -> str:
    marker = _MARKER.match(lines[0])
    width = marker.end() if marker else 0
    rest = [line[_indent(line, width) :] for line in lines[1:]]
    return "\n".join([lines[0][width:], *rest]).strip()


def _indent(line: str, at_most: int) -> int:
    return min(len(line) - len(line.lstrip(" ")), at_most)
