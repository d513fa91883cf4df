"""Writes the parts of the documentation that the code already says.

A page holds them between `<!-- generated: NAME -->` and `<!-- end of generated -->`; the names are
the keys of `PARTS`. `make docs` runs this; a test fails while a page is behind the code.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import cc_executor
from cc_executor.cli.exits import MEANINGS
from cc_executor.cli.reference import help_texts
from cc_executor.errors import CCExecutorError
from cc_executor.model.failures import FAILURES
from cc_executor.model.lifecycle import MOVES, TaskState, is_final
from cc_executor.model.timers import TIMERS
from cc_executor.settings import reference
from scripts import wire_reference

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PART: Final = re.compile(
    r"(?P<head><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<foot><!-- end of generated -->)",
    re.DOTALL,
)


def errors() -> Iterator[str]:
    """Yield a table of the refusals, each below the one it can be caught with."""
    for module in pkgutil.walk_packages(cc_executor.__path__, "cc_executor."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # whatever it declares is in the tree now
    yield "| class | code | retryable | meaning |"
    yield "|---|---|---|---|"
    for depth, refusal in _tree(CCExecutorError):
        indent = "&emsp;" * depth
        retryable = "yes" if refusal.retryable else ""
        meaning = (refusal.__doc__ or "").partition("\n")[0]
        yield f"| {indent}`{refusal.__name__}` | `{refusal.code}` | {retryable} | {meaning} |"


def _tree(
    root: type[CCExecutorError], depth: int = 0
) -> Iterator[tuple[int, type[CCExecutorError]]]:
    yield depth, root
    for below in sorted(root.__subclasses__(), key=lambda refusal: refusal.code):
        if below.__module__.startswith("cc_executor."):
            yield from _tree(below, depth + 1)


def task_states() -> Iterator[str]:
    """Yield the moves of a task as a diagram."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"  [*] --> {TaskState.QUEUED}"
    for state, moves in MOVES.items():
        for move, reached in moves.items():
            yield f"  {state} --> {reached}: {move}"
    for state in TaskState:
        if is_final(state):
            yield f"  {state} --> [*]"
    yield "```"


def failures() -> Iterator[str]:
    """Yield the taxonomy of failures."""
    yield "| failure | state of the task | a retry can help | meaning | what to do |"
    yield "|---|---|---|---|---|"
    for failure, facts in FAILURES.items():
        helps = "yes" if facts.retry_can_help else ""
        yield f"| `{failure}` | {facts.state} | {helps} | {facts.meaning} | {facts.advice} |"


def settings() -> Iterator[str]:
    """Yield the table of settings."""
    yield from reference().splitlines()


def command_line() -> Iterator[str]:
    """Yield the help of every command."""
    for command, text in help_texts():
        yield from ("", f"## {command}", "", "```text", text, "```")
    yield ""


def timers() -> Iterator[str]:
    """Yield a table of what each timer measures."""
    yield "| timer | measures the time |"
    yield "|---|---|"
    for timer, measures in TIMERS.items():
        yield f"| `{timer}` | {measures} |"


def exit_codes() -> Iterator[str]:
    """Yield a table of the exit codes."""
    yield "| code | name | meaning |"
    yield "|---|---|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {code.value} | {code.name.lower()} | {meaning} |"


PARTS: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "command-line": command_line,
    "errors": errors,
    "exit-codes": exit_codes,
    "failures": failures,
    "settings": settings,
    "task-states": task_states,
    "timers": timers,
    "wire-errors": wire_reference.errors,
    "wire-methods": wire_reference.methods,
    "wire-notifications": wire_reference.notifications,
    "wire-shapes": wire_reference.shapes,
}


def filled(page: str) -> str:
    """Return `page` with its generated parts as the code has them now.

    Raises:
        KeyError: The page asks for a part that nobody generates.
    """

    def fill(part: re.Match[str]) -> str:
        return part["head"] + "\n".join(PARTS[part["name"]]()) + "\n" + part["foot"]

    return PART.sub(fill, page)


def main() -> None:
    """Rewrite the pages that are behind the code, and name them."""
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"wrote {page.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
