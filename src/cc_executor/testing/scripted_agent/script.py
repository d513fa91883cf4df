"""The table of step kinds, which is also the builder of scripts."""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Concatenate, Final, Generic, ParamSpec, overload

from . import claude, files, inspection, output, processes
from .stage import Stage, Step, own_command

if TYPE_CHECKING:
    from pathlib import Path  # 5 ms, which every start of the program would pay

P = ParamSpec("P")

# One argument of exec holds 128 KiB on Linux.
INLINE_LIMIT_BYTES: Final = 100_000


class Kind(Generic[P]):
    """A row of the table: the name of the attribute, and the function that performs the step.

    On a script it is a method with that function's signature; calling it adds the step.
    """

    def __init__(self, perform: Callable[Concatenate[Stage, P], None]) -> None:
        self.perform = perform
        self.__doc__ = perform.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, script: None, owner: type) -> Kind[P]: ...

    @overload
    def __get__(self, script: Script, owner: type) -> Callable[P, Script]: ...

    def __get__(self, script: Script | None, owner: type) -> Kind[P] | Callable[P, Script]:
        if script is None:
            return self

        def add(*args: P.args, **kwargs: P.kwargs) -> Script:
            positional = dict(zip(self.parameters(), args, strict=False))
            given = {**positional, **kwargs}
            step = {name: _plain(value) for name, value in given.items()}
            return Script((*script, {"do": self.name, **step}))

        return add

    def parameters(self) -> Mapping[str, bool]:
        """Return the names of the step's parameters, in order, and whether each is required.

        By hand: `inspect.signature` would double the time this program needs to start.
        """
        code = self.perform.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        positional = names[: code.co_argcount - 1]
        optional = {
            *positional[len(positional) - len(self.perform.__defaults__ or ()) :],
            *(self.perform.__kwdefaults__ or {}),
        }
        return {name: name not in optional for name in names}


class Script(tuple[Step, ...]):
    """An immutable list of steps; each method returns a longer script.

    In JSON a step is an object: the kind in `do`, beside it the parameters by name. What a
    kind does and takes stands at the function behind it.
    """

    __slots__ = ()

    line = Kind(output.line)
    write = Kind(output.write)
    big_line = Kind(output.big_line)
    lines = Kind(output.lines)
    split = Kind(output.split)
    binary = Kind(output.binary)
    canary = Kind(output.canary)

    wait_for_file = Kind(files.wait_for_file)
    touch = Kind(files.touch)
    write_file = Kind(files.write_file)
    delete_file = Kind(files.delete_file)
    link = Kind(files.link)
    fifo = Kind(files.fifo)
    rename = Kind(files.rename)
    permit = Kind(files.permit)
    make_files = Kind(files.make_files)
    first_time = Kind(files.first_time)

    delay = Kind(processes.delay)
    spin = Kind(processes.spin)
    hang = Kind(processes.hang)
    exit = Kind(processes.exit_with)
    die = Kind(processes.die)
    ignore = Kind(processes.ignore)
    on_signal = Kind(processes.on_signal)
    close = Kind(processes.close)
    memory = Kind(processes.memory)
    lifeline = Kind(processes.lifeline)
    child = Kind(processes.child)
    dodge = Kind(processes.dodge)

    cat = Kind(inspection.cat)
    read_line = Kind(inspection.read_line)
    report = Kind(inspection.report)

    claude_message = Kind(claude.claude_message)
    claude_init = Kind(claude.claude_init)
    claude_text = Kind(claude.claude_text)
    claude_tool = Kind(claude.claude_tool)
    claude_tool_result = Kind(claude.claude_tool_result)
    claude_denied = Kind(claude.claude_denied)
    claude_retry = Kind(claude.claude_retry)
    claude_rate_limit = Kind(claude.claude_rate_limit)
    claude_result = Kind(claude.claude_result)

    def write_bytes(self, data: bytes, *, repeat: int = 1, stream: str = "stdout") -> Script:
        """Write `data`, `repeat` times."""
        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        return self.write(base64=encoded, repeat=repeat, stream=stream)

    def and_then(self, other: Script) -> Script:
        """Return the steps of this script and then those of `other`."""
        return Script((*self, *other))

    def to_json(self) -> str:
        """Return the script as the program reads it: ASCII, whatever its texts hold."""
        return json.dumps(self)

    def argv(
        self, *arguments: str, folder: Path | None = None, lifetime_s: float | None = None
    ) -> list[str]:
        """Return the command that plays this script.

        Args:
            arguments: Stand behind the script and mean nothing, except to the steps that
                look at them.
            folder: Where the script is put as a file when it is too long for one argument.
            lifetime_s: Bound on the life of every process it makes; None: the variable
                SCRIPTED_AGENT_LIFETIME_S in the program's environment, else 300 s.

        Raises:
            ValueError: The script is too long, and there is no folder.
        """
        text = self.to_json()
        bound = () if lifetime_s is None else ("--lifetime-s", str(lifetime_s))
        if len(text) <= INLINE_LIMIT_BYTES:
            return own_command(*bound, "--inline", text, *arguments)
        if folder is None:
            raise ValueError(f"a script of {len(text)} bytes needs a folder for its file")
        import hashlib

        path = folder / f"script-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        path.write_text(text, encoding="ascii")
        return own_command(*bound, str(path), *arguments)


KINDS: Final[Mapping[str, Kind[...]]] = {
    name: kind for name, kind in vars(Script).items() if isinstance(kind, Kind)
}


def _plain(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value
