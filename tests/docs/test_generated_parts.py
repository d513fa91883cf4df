"""The pages are not behind the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.generate_docs import DOCS, PARTS, errors, filled
from tests.gates.declared import our_exceptions

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_generated_parts_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert filled(text) == text, "run `make docs`"


def test_each_part_is_shown_on_some_page() -> None:
    everything = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert [name for name in PARTS if f"<!-- generated: {name} -->" not in everything] == []


def test_the_table_of_errors_is_complete() -> None:
    table = "\n".join(errors())

    missing = [declared.__name__ for declared in our_exceptions() if declared.__name__ not in table]
    assert missing == []


def test_a_part_that_is_behind_is_seen() -> None:
    behind = "before\n<!-- generated: errors -->\nSTALE\n<!-- end of generated -->\nafter\n"

    new = filled(behind)

    assert "| `error` |" in new
    assert "STALE" not in new
    assert (new[:7], new[-6:]) == ("before\n", "after\n")
    assert filled(new) == new


def test_a_part_that_nobody_generates_is_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        filled("<!-- generated: nothing -->\n<!-- end of generated -->")
