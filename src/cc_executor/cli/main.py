"""`cc-executor`: the entry point."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import click

from cc_executor.cli import refusals
from cc_executor.cli.exits import MEANINGS, Exit
from cc_executor.cli.group import LazyGroup, PipeClosed
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.setting_flags import setting_options
from cc_executor.errors import CCExecutorError

PROGRAM: Final = "cc-executor"
#: Set by the shell when it asks for completions.
COMPLETION_VARIABLE: Final = "_CC_EXECUTOR_COMPLETE"

#: In the order in which help shows them: run, watch, control, look back, the machine, itself.
COMMANDS: Final = (
    "run",
    "submit",
    "forecast",
    "continue",
    "ps",
    "show",
    "logs",
    "attach",
    "pause",
    "resume",
    "cancel",
    "history",
    "verify",
    "server",
    "token",
    "doctor",
    "settings",
    "demo",
    "completion",
    "version",
)


def _module(command: str) -> str:
    keyword = {"continue": "continue_"}
    return f"cc_executor.cli.commands.{keyword.get(command, command)}"


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it by position
    if value and not ctx.resilient_parsing:
        from cc_executor import __version__

        click.echo(f"{PROGRAM} {__version__}")
        ctx.exit()


cli: Final = LazyGroup(
    PROGRAM,
    lazy={name: _module(name) for name in COMMANDS},
    params=[
        *setting_options(hidden=False),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Print the version.",
        ),
    ],
    help="""Run coding-agent CLIs as supervised, durable tasks.

    \b
      cc-executor doctor                 what this machine can do
      cc-executor demo                   see it work, without a login
      cc-executor run "Explain this repo"

    The options below are settings. They may stand before or after the command, and may also
    be set as environment variables or in a file: `cc-executor settings` shows how.
    """,
    epilog="Exit codes: "
    + "; ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in MEANINGS)
    + ".",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main() -> None:
    """Run the command line of this process and exit."""
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character must not end the command, as stderr does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run_cli(sys.argv[1:], Invocation()))


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed.

    The next file that is opened would take its number: what is printed would go into a database.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def run_cli(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one command line and return its exit code; nothing is raised.

    Args:
        arguments: Without the program's name.
        invocation: Where it reads and what it opens.
    """
    try:
        return _run(arguments, invocation)
    except (BrokenPipeError, PipeClosed):
        # Whoever read stdout has what they wanted. Python would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE_CLOSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def _run(arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        code = cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=invocation)
    except click.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as wrong:
        wrong.show()
        return Exit.USAGE
    except CCExecutorError as refusal:
        return refusals.show(refusal, as_json=invocation.machine)
    except (BrokenPipeError, PipeClosed, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is ours, and is shown whole
        traceback.print_exc()
        sys.stderr.write(f"error: this is a bug in {PROGRAM}; please report it with the above\n")
        return Exit.INTERNAL
    finally:
        sys.stdout.flush()
    return int(code or 0)
