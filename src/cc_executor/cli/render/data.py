"""What goes to stdout: JSON, tables, answers; always UTF-8."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from cc_executor.cli.render.output import write_all
from cc_executor.cli.render.terminal import print_lines
from cc_executor.cli.render.wording import harmless


def write_json(value: object) -> None:
    """Write one JSON value: indented for people at a terminal, one line for programs."""
    indent = 2 if sys.stdout.isatty() else None
    _write(json.dumps(value, ensure_ascii=False, indent=indent))


def write_answer(answer: object) -> None:
    """Write what an agent answered: its text, or its structured value as JSON.

    On a terminal, characters that would command it are replaced; elsewhere the text is whole.
    """
    if not isinstance(answer, str):
        write_json(answer)
    else:
        _write(harmless(answer) if sys.stdout.isatty() else answer)


def write_lines(lines: Iterable[Text]) -> None:
    """Write lines for people."""
    print_lines(sys.stdout, lines)


def write_text(text: str) -> None:
    """Write text as it is, without adding a newline."""
    sys.stdout.flush()
    write_all(sys.stdout.fileno(), text.encode("utf-8", "surrogateescape"))


def _write(text: str) -> None:
    write_text(text if text.endswith("\n") else text + "\n")


def task_object(execution: Mapping[str, Any], task_id: str) -> dict[str, Any]:
    """Return the object of one task out of its execution's."""
    [found] = [task for task in execution["tasks"] if task["task_id"] == task_id]
    return {"execution_id": execution["execution_id"], **found}
