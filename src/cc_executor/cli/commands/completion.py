"""`cc-executor completion`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> Exit:
    """Print the script for completion in a shell.

    \b
      bash: cc-executor completion bash > ~/.local/share/bash-completion/completions/cc-executor
      zsh:  cc-executor completion zsh > "${fpath[1]}/_cc-executor"
      fish: cc-executor completion fish > ~/.config/fish/completions/cc-executor.fish
    """  # noqa: D301 - click wants the character \b, not the two
    from click.shell_completion import ShellComplete, get_completion_class

    from cc_executor.cli.main import COMPLETION_VARIABLE, PROGRAM, cli

    kind = get_completion_class(shell) or ShellComplete
    # The base class's `source`: the one for bash starts a bash to ask for its version.
    click.echo(ShellComplete.source(kind(cli, {}, PROGRAM, COMPLETION_VARIABLE)))
    return Exit.DONE
