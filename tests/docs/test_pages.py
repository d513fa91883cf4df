"""What the documentation shows works, and what it links to is there."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from markdown_it import MarkdownIt

from tests.docs import snippets
from tests.gates.source import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES: Final = sorted(REPOSITORY.glob("*.md")) + sorted((REPOSITORY / "docs").rglob("*.md"))
ENTRY: Final = REPOSITORY / "docs" / "index.md"
ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def snippets_of(page: Path) -> list[snippets.Snippet]:
    return snippets.snippets(name_of(page), page.read_text(encoding="utf-8"))


PLAYED: Final = [
    page for page in PAGES if any(snippet.runs or snippet.saved_as for snippet in snippets_of(page))
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PLAYED, ids=name_of)
def test_the_snippets_of_the_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    try:
        snippets.play(snippets_of(page), tmp_path)
    finally:
        if (tmp_path / "state" / "server.json").exists():  # a block failed before the last one
            subprocess.run(
                [sys.executable, "-m", "cc_executor", "server", "stop"],
                env=snippets.environment(tmp_path),
                check=False,
                timeout=60,
            )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_snippet_is_run_or_says_why_not(page: Path) -> None:
    assert [fault for snippet in snippets_of(page) for fault in snippets.faults(snippet)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_each_page_can_be_reached_from_the_first() -> None:
    reached: set[Path] = set()
    todo = [ENTRY]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            todo += [target for target, _ in links(page) if target.suffix == ".md"]

    assert [
        name_of(page) for page in PAGES if ENTRY.parent in page.parents and page not in reached
    ] == []


def test_a_dead_link_and_a_dead_anchor_are_seen(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Only This\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#only-this) [c](gone.md) [d](other.md#gone) [e](https://x.org)"
    )

    assert list(dead_links(page)) == ["gone.md", "other.md#gone"]


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the targets inside the repository, as file and anchor."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = str(child.attrs.get("href") or child.attrs.get("src") or "")
            if target and not ELSEWHERE.match(target):
                path, _, anchor = target.partition("#")
                yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = [
        text.content
        for opening, text in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for target, anchor in links(page):
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{target.name}#{anchor}" if anchor else target.name
