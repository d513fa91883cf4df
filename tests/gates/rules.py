"""What no source file may do, as functions from a module to its violations.

The findings they stand for: no shell anywhere; one room starts programs and signals them; an
exception is never swallowed unseen; the lower floors have neither I/O nor a clock; a suppression
says why.
"""

from __future__ import annotations

import ast
import dataclasses
import io
import re
import tokenize
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from tests.gates.source import Module, references

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A place where a module breaks a rule."""

    module: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.what}"


# --- no shell ------------------------------------------------------------------------------------

SHELL_CALLS: Final = (
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.*create_subprocess_shell",
    "*.subprocess_shell",
)
SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "busybox"})
# `preexec_fn` runs Python between fork and exec, which deadlocks when another thread held a lock.
FORBIDDEN_ARGUMENTS: Final = {"shell": False, "preexec_fn": None}


def uses_a_shell(module: Module) -> Iterator[Violation]:
    """Calls that hand a string to a shell, arguments that ask for one, argvs that start one."""
    yield from _refers_to(SHELL_CALLS, module)
    for node in ast.walk(ast.parse(module.text)):
        match node:
            case ast.keyword(arg=str(name), value=value) if _asks_for(name, value):
                yield Violation(module.name, node.lineno, f"{name}=")
            case ast.keyword(arg=None, value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and _asks_for(str(key.value), value):
                        yield Violation(module.name, key.lineno, f"{key.value!r}: in arguments")
            case (
                ast.List(elts=[ast.Constant(value=str(program)), *_])
                | ast.Tuple(elts=[ast.Constant(value=str(program)), *_])
            ) if program.rsplit("/", 1)[-1] in SHELLS and _has_dash_c(node):
                yield Violation(module.name, node.lineno, f"an argv that starts {program} -c")
            case _:
                pass


def _asks_for(argument: str, value: ast.expr) -> bool:
    if argument not in FORBIDDEN_ARGUMENTS:
        return False
    harmless = FORBIDDEN_ARGUMENTS[argument]
    return not (isinstance(value, ast.Constant) and value.value is harmless)


def _has_dash_c(argv: ast.List | ast.Tuple) -> bool:
    return any(isinstance(word, ast.Constant) and word.value == "-c" for word in argv.elts)


# --- one place starts programs and signals them --------------------------------------------------

STARTING_ROOMS: Final = frozenset({"process", "testing"})
STARTING_CALLS: Final = (
    "subprocess",
    "subprocess.*",
    "_posixsubprocess*",
    "multiprocessing*",
    "concurrent.futures.ProcessPoolExecutor",
    "concurrent.futures.process*",
    "asyncio.*create_subprocess_*",
    "asyncio.subprocess*",
    "*.subprocess_exec",
    "anyio.run_process",
    "anyio.open_process",
    "os.fork*",
    "os.exec*",
    "os.spawn*",
    "os.posix_spawn*",
    "pty.*",
)
SIGNALLING_CALLS: Final = ("os.kill", "os.killpg", "signal.pidfd_send_signal")


def starts_a_program_elsewhere(module: Module) -> Iterator[Violation]:
    """Only `process` and `testing` start programs or send them signals."""
    if module.room not in STARTING_ROOMS:
        yield from _refers_to(STARTING_CALLS + SIGNALLING_CALLS, module)


# --- nothing is swallowed ------------------------------------------------------------------------

BROAD: Final = frozenset({"Exception", "BaseException"})


def swallows_exceptions(module: Module) -> Iterator[Violation]:
    """`except Exception: pass` in all its spellings."""
    for node in ast.walk(ast.parse(module.text)):
        match node:
            case ast.ExceptHandler(type=caught, body=body) if _is_broad(caught):
                if all(_does_nothing(statement) for statement in body):
                    yield Violation(module.name, node.lineno, "swallows every exception")
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress")):
                if any(_is_broad(argument) for argument in node.args):
                    yield Violation(module.name, node.lineno, "suppresses every exception")
            case _:
                pass


def _is_broad(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in BROAD
        case ast.Tuple(elts=several):
            return any(_is_broad(one) for one in several)
        case _:
            return False


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue | ast.Break) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


# --- the lower floors are pure -------------------------------------------------------------------

# Modules whose very import means I/O or a clock are refused by import-linter (pyproject.toml).
PURE_ROOMS: Final = frozenset({"errors", "model", "protocol", "agents", "forecast"})
IMPURE_CALLS: Final = (
    "open",
    "print",
    "input",
    "io.open",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "os.environ*",
    "os.getenv",
    "os.getcwd",
    "os.open",
    "os.stat",
    "os.listdir",
    "os.scandir",
    "os.path.exists",
    "os.path.realpath",
    "pathlib.Path.cwd",
    "pathlib.Path.home",
    "*.exists",
    "*.is_dir",
    "*.is_file",
    "*.iterdir",
    "*.mkdir",
    "*.read_bytes",
    "*.read_text",
    "*.unlink",
    "*.write_bytes",
    "*.write_text",
)


def does_io_below(module: Module) -> Iterator[Violation]:
    """From `protocol` down, what comes from the world comes in as an argument."""
    if module.room in PURE_ROOMS:
        yield from _refers_to(IMPURE_CALLS, module)


# --- tests prove what they say -------------------------------------------------------------------

EVASIONS: Final = (
    "pytest.skip*",
    "pytest.importorskip",
    "pytest.xfail*",
    "pytest.mark.skip*",
    "pytest.mark.xfail*",
    "unittest.skip*",
    "unittest.mock*",
)


def evades_proof(module: Module) -> Iterator[Violation]:
    """A skipped test proves nothing, a mock proves itself: use a fake."""
    yield from _refers_to(EVASIONS, module)


# --- who is cancelled, ends -------------------------------------------------------------------------


def forgets_that_it_was_cancelled(module: Module) -> Iterator[Violation]:
    """`asyncio.wait_for` of Python 3.11 returns a result that comes as it is cancelled: `timeout`."""
    yield from _refers_to(("asyncio.wait_for",), module)


# --- a suppression says why ----------------------------------------------------------------------

SUPPRESSION: Final = re.compile(
    r"#\s*(?P<what>noqa(?::\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?"
    r"|type:\s*ignore(?:\[[\w\-, ]+\])?"
    r"|pragma:\s*no\s*(?:cover|branch)"
    r"|(?:fmt|isort):\s*(?:off|skip)"
    r"|ruff:\s*(?:noqa|disable)\S*(?::\s*[A-Z]+\d+)*)"
    r"(?P<reason>.*)$"
)
REASON: Final = re.compile(r"\w[^#]*\s\w")  # two words at least


def suppresses_without_a_reason(module: Module) -> Iterator[Violation]:
    """`# noqa: S603 - why` and `# type: ignore[misc]  # why`; the bare forms are refused."""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        found = SUPPRESSION.search(token.string)
        if found and not REASON.search(found["reason"]):
            yield Violation(module.name, token.start[0], f"{found['what']} without a reason")


def _refers_to(patterns: tuple[str, ...], module: Module) -> Iterator[Violation]:
    for reference in references(module):
        if any(fnmatchcase(reference.name, pattern) for pattern in patterns):
            yield Violation(module.name, reference.line, reference.name)
