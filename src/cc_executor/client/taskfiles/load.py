"""From a file to a task list; what is wrong is said with its place. Blocking (files)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position
from cc_executor.errors import InvalidPrompt, InvalidSpec, InvalidTaskFile
from cc_executor.model.lists import task_list

MAX_BYTES: Final = 16 * 1024 * 1024

#: Parsers by ending, imported when they are needed.
_FORMATS: Final[Mapping[str, str]] = {
    ".yaml": "yaml_format",
    ".yml": "yaml_format",
    ".toml": "toml_format",
    ".json": "json_format",
    ".md": "markdown_format",
    ".markdown": "markdown_format",
}


def load_task_file(path: Path) -> dict[str, Any]:
    """Return the mapping that a task file holds, checked, with its workspace made absolute.

    A relative `workspace` in a file is relative to the file's folder; `~` is the user's home.

    Raises:
        InvalidTaskFile: It cannot be read, or is no task list; with line and column.
    """
    parsed = _parse(path)
    value = parsed.value if isinstance(parsed.value, dict) else {"tasks": parsed.value}
    if isinstance(value.get("workspace"), str):
        value = {**value, "workspace": _expanded(value["workspace"])}
    try:
        checked = task_list(value, workspace=str(path.absolute().parent))
    except (InvalidSpec, InvalidPrompt) as error:
        raise _refusal(path, parsed, error.where, error.problem, error.hint) from error
    if "workspace" in value:
        value = {**value, "workspace": checked.workspace}
    return value


def _expanded(workspace: str) -> str:
    return str(Path(workspace).expanduser()) if workspace.startswith("~/") else workspace


def _parse(path: Path) -> Parsed:
    name = _FORMATS.get(path.suffix.lower())
    if name is None:
        raise InvalidTaskFile(
            str(path),
            f"its ending {path.suffix!r} is no format of task files",
            hint=f"Use one of {', '.join(_FORMATS)}.",
        )
    parse: Callable[[str], Parsed] = import_module(f"{__package__}.{name}").parse
    try:
        return parse(_read(path))
    except Malformed as error:
        line, column = error.position or (None, None)
        raise InvalidTaskFile(
            str(path), error.problem, line=line, column=column, hint=error.hint
        ) from error


def _read(path: Path) -> str:
    try:
        content = _bytes(path)
    except OSError as error:
        raise InvalidTaskFile(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL byte in its name
        raise InvalidTaskFile(str(path), f"cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        hint = "Put what is long into files of the workspace, and name them in the prompts."
        raise InvalidTaskFile(str(path), f"is larger than {MAX_BYTES:,} bytes", hint=hint)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        begin = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[begin : error.start].decode("utf-8-sig")) + 1
        raise InvalidTaskFile(
            str(path), "is not UTF-8", line=line, column=column, hint="Save the file as UTF-8."
        ) from error
    if not text.strip():
        raise InvalidTaskFile(str(path), "the file is empty", line=1, column=1)
    return text.replace("\r\n", "\n")


def _bytes(path: Path) -> bytes:
    """Return at most one byte more than a task file may have.

    Raises:
        OSError: It cannot be read, or is no regular file: a pipe might never end.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        return file.read(MAX_BYTES + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for a writer


def _refusal(path: Path, parsed: Parsed, where: str, problem: str, hint: str) -> InvalidTaskFile:
    line, column = parsed.position(where) or Position(1, None)
    said = f"{where}: {problem}" if where else problem
    return InvalidTaskFile(str(path), said, line=line, column=column, hint=hint)
