"""Every setting as a flag, derived from its declaration."""

from __future__ import annotations

from typing import Final

import click

from cc_executor.settings import SETTINGS, Setting

#: The settings of servers that every command has: which server it talks to, and how.
_OF_CLIENTS: Final = ("server", "server_ca", "token_file")


def setting_options(*, hidden: bool) -> list[click.Option]:
    """Return an option for each setting; what is given ends in `Invocation.flags`.

    The value is checked where settings are loaded, with all others.

    Args:
        hidden: Leave all of them out of the help; those of the server are left out in any case,
            except where `cc-executor server` shows them.
    """
    return [
        _option(setting, hidden=hidden or (setting.of_server and setting.name not in _OF_CLIENTS))
        for setting in SETTINGS
    ]


def server_options() -> list[click.Option]:
    """Return the options of the settings that a server asks for, to be shown."""
    return [
        _option(setting, hidden=False)
        for setting in SETTINGS
        if setting.of_server and setting.name not in _OF_CLIENTS
    ]


def _option(setting: Setting, *, hidden: bool) -> click.Option:
    def keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.obj.flags[setting.name] = value

    return click.Option(
        [setting.flag],
        metavar=_metavar(setting),
        help=_help(setting),
        hidden=hidden,
        expose_value=False,
        callback=keep,
    )


def _metavar(setting: Setting) -> str:
    words = {"s": "SECONDS", "MiB": "MIB"}
    return words.get(setting.unit, "VALUE")


def _help(setting: Setting) -> str:
    if setting.default in (None, ()):
        return setting.doc
    unit = f" {setting.unit}" if setting.unit else ""
    return f"{setting.doc}  [default: {setting.default}{unit}]"
