"""The snippets of the documentation, and how they are run.

A fenced block says in its info string what is done with it:

* `python run`: run as a program; it must end with status 0.
* `console run`: each line `$ COMMAND` is run as argv, without a shell, and must print what the
  page shows below it (nothing shown: anything). `...` stands for any text. `exit=N` in the info
  string: the block's last command ends with status N instead of 0.
* `save=NAME`: the block is written to the file NAME.

The blocks of a page run in order in one empty folder, with a home and a state directory of their
own. A block of a language that could be run and is not has to say why, right above it:
`<!-- not run: it needs a login -->`.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

RUNNABLE: Final = frozenset({"python", "console", "sh", "bash", "shell"})
RUN_AS: Final = frozenset({"python", "console"})
NOT_RUN: Final = re.compile(r"<!--\s*not run:\s*(?P<reason>\S.*?)\s*-->\s*")
NEEDS_A_SHELL: Final = re.compile(r"[|&;<>`]|\$\(")
TIMEOUT_S: Final = 120.0  # of one command


class SnippetError(AssertionError):
    """A snippet does not do what its page says."""


@dataclasses.dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block.

    Attributes:
        page: Where it stands, for people.
        line: 1-based line of its opening fence.
        language: First word of its info string; empty when there is none.
        options: The other words, `run` and `save=NAME` among them.
        not_run: The reason given above it for not running it; empty when there is none.
    """

    page: str
    line: int
    language: str
    options: frozenset[str]
    text: str
    not_run: str

    @property
    def runs(self) -> bool:
        return "run" in self.options

    @property
    def saved_as(self) -> str:
        """The file that the block is written to; empty when it is not."""
        return self._option("save")

    @property
    def exit_status(self) -> int:
        """The status that its last command ends with."""
        return int(self._option("exit") or 0)

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    def _option(self, name: str) -> str:
        return next(
            (word.partition("=")[2] for word in self.options if word.startswith(f"{name}=")), ""
        )


def snippets(page: str, markdown: str) -> list[Snippet]:
    """Return the fenced blocks of a page, in order, also those inside lists and quotes."""
    found = []
    before: Token | None = None
    for token in MarkdownIt().parse(markdown):
        if token.type == "fence" and token.map:
            language, *options = token.info.split() or [""]
            excuse = (
                NOT_RUN.fullmatch(before.content)
                if before and before.type == "html_block"
                else None
            )
            found.append(
                Snippet(
                    page=page,
                    line=token.map[0] + 1,
                    language=language,
                    options=frozenset(options),
                    text=token.content,
                    not_run=excuse["reason"] if excuse else "",
                )
            )
        before = token
    return found


def faults(snippet: Snippet) -> Iterator[str]:
    """Say what is wrong with how a block is marked."""
    known = {option for option in snippet.options if re.fullmatch(r"run|save=\S+|exit=\d+", option)}
    if not snippet.language:
        yield f"{snippet.where}: name the language (`text` for none)"
    for option in sorted(snippet.options - known):
        yield f"{snippet.where}: unknown option {option!r}"
    if snippet.runs and snippet.language not in RUN_AS:
        yield f"{snippet.where}: {snippet.language} cannot be run; write it as console"
    if snippet.runs and snippet.not_run:
        yield f"{snippet.where}: is run, and says why it is not"
    used = snippet.runs or snippet.saved_as or snippet.not_run
    if snippet.language in RUNNABLE and not used:
        yield f"{snippet.where}: is not run and does not say why"


def environment(folder: Path) -> dict[str, str]:
    """Return the variables that snippets see: nothing of the caller's."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "CC_EXECUTOR_HOME": str(folder / "state"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "100",
    }


def play(page: list[Snippet], folder: Path) -> None:
    """Carry out the blocks of a page in order.

    Args:
        page: The blocks of one page.
        folder: An empty folder; the blocks run in `work` inside it.

    Raises:
        SnippetError: A block ended otherwise, or printed something else, than its page says.
    """
    work = folder / "work"
    work.mkdir()
    variables = environment(folder)
    for snippet in page:
        if snippet.saved_as:
            (work / snippet.saved_as).write_text(snippet.text, encoding="utf-8")
        if snippet.runs and snippet.language == "python":
            _run(snippet, [sys.executable, "-c", snippet.text], work, variables, status=0)
        elif snippet.runs:
            _play_console(snippet, work, variables)


def _play_console(snippet: Snippet, work: Path, variables: dict[str, str]) -> None:
    commands = _commands(snippet)
    for number, (argv, expected) in enumerate(commands, start=1):
        status = snippet.exit_status if number == len(commands) else 0
        printed = _run(snippet, argv, work, variables, status)
        if expected.strip() and not _matches(expected, printed):
            message = f"{snippet.where}: {shlex.join(argv)} printed\n{printed}\nnot\n{expected}"
            raise SnippetError(message)


def _commands(snippet: Snippet) -> list[tuple[list[str], str]]:
    """Return each command with the output shown below it."""
    before, *parts = re.split(r"^\$ ", snippet.text, flags=re.MULTILINE)
    if before.strip() or not parts:
        raise SnippetError(f"{snippet.where}: a console block starts with `$ `")
    commands = []
    for part in parts:
        line, _, expected = part.partition("\n")
        if NEEDS_A_SHELL.search(line):
            raise SnippetError(f"{snippet.where}: needs a shell: {line}")
        commands.append((shlex.split(line, comments=True), expected))
    return commands


def _matches(expected: str, printed: str) -> bool:
    pieces = [re.escape(piece) for piece in _trimmed(expected).split("...")]
    return re.fullmatch(".*".join(pieces), _trimmed(printed), flags=re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _run(
    snippet: Snippet, argv: list[str], work: Path, variables: dict[str, str], status: int
) -> str:
    ended = subprocess.run(
        argv,
        cwd=work,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if ended.returncode != status:
        raise SnippetError(
            f"{snippet.where}: ended with {ended.returncode}, not {status}\n{ended.stdout}"
        )
    return ended.stdout
