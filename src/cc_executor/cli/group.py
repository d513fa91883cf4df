"""Commands that are loaded when they are wanted, and accept every setting as a flag."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

import click

from cc_executor.cli.setting_flags import setting_options


class Command(click.Command):
    """A command that takes the settings' flags, too, wherever the user writes them.

    Its own `--help` leaves them out: `cc-executor --help` shows them once.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        keywords["params"] = [*keywords.get("params", ()), *setting_options(hidden=True)]
        super().__init__(*arguments, **keywords)


class DefaultingGroup(click.Group):
    """A group that runs one of its commands when none is named.

    Args:
        default: Name of that command.
    """

    def __init__(self, *arguments: Any, default: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command first when the arguments begin with none."""
        asks_for_help = args[:1] and args[0] in ctx.help_option_names
        if not asks_for_help and (not args or args[0].startswith("-")):
            args = [self._default, *args]
        return super().parse_args(ctx, args)


class PipeClosed(Exception):
    """Whoever read stdout went away. Not an `OSError`: click would make an exit code of its own."""


class LazyGroup(click.Group):
    """A group whose commands live in files of their own, imported when they are asked for.

    Args:
        lazy: By command name, the module; the command is its `command`.
    """

    def __init__(self, *arguments: Any, lazy: dict[str, str], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._lazy = lazy

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            PipeClosed: Nobody reads its output any more.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise PipeClosed from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which help shows them."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, loaded; None when there is none of that name."""
        module = self._lazy.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with.

        Raises:
            click.UsageError: There is none; it says which one may have been meant.
        """
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            suggestion = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{suggestion}", ctx)
        return super().resolve_command(ctx, args)
