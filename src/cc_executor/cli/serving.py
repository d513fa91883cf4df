"""Starting, stopping and looking for the server of a state directory."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from cc_executor.cli.exits import Exit
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.render.data import write_json, write_text
from cc_executor.errors import InvalidSetting, MissingExtra, NotResponding
from cc_executor.server.running import (
    RunningServer,
    already_running,
    running,
    signal_server,
    wait_until_gone,
)

if TYPE_CHECKING:
    from cc_executor.settings import Settings

#: What a server may take to let go of everything, beside what it waits for on purpose.
_LETTING_GO_S: Final = 60.0
#: The extra `server`, as it is imported.
_NEEDED: Final = (
    "httptools",
    "prometheus_client",
    "starlette",
    "uvicorn",
    "uvloop",
    "websockets",
)


def refuse_a_server_elsewhere(invocation: Invocation) -> None:
    """Do nothing, unless the command line names a server: this is about the machine it runs on.

    Raises:
        InvalidSetting: It names one.
    """
    if "server" in invocation.flags:
        raise InvalidSetting(
            "server",
            "this command is about this machine, not about a server elsewhere",
            origin="flag",
            hint="Leave --server out, or run it on that machine.",
        )


def start(invocation: Invocation, *, as_json: bool) -> Exit:
    """Start a server in the background and print where it is once it is ready.

    Raises:
        ServerUnavailable: There is one already, or it could not be started.
        CCExecutorError: It was refused.
    """
    _demand_server()
    settings = invocation.settings()
    holder = running(settings.home)
    if holder is not None:
        raise already_running(holder)
    return _start(settings, invocation.flags, as_json=as_json)


def _start(settings: Settings, flags: Mapping[str, str], *, as_json: bool) -> Exit:
    from cc_executor.server.background import start_in_background

    server = asyncio.run(start_in_background(settings, flags))
    _show(server, as_json=as_json)
    return Exit.DONE


def stay(invocation: Invocation, *, as_json: bool) -> Exit:
    """Be the server until somebody stops it.

    Raises:
        ServerUnavailable: There is one already, or it could not be started.
        CCExecutorError: It was refused.
    """
    _demand_server()
    from cc_executor import logs
    from cc_executor.server.serve import serve_here

    settings = invocation.settings()
    logs.configure(level=settings.log_level, format=logs.LogFormat(settings.log_format))

    def on_ready(server: RunningServer) -> None:
        _show(server, as_json=as_json)

    serve_here(settings, environ=invocation.environ, flags=invocation.flags, on_ready=on_ready)
    return Exit.DONE


def _demand_server() -> None:
    """Do nothing where everything is installed that a server needs.

    Raises:
        MissingExtra: Something is not.
    """
    for module in _NEEDED:
        if find_spec(module) is None:
            raise MissingExtra("server", module)


def stop(invocation: Invocation, *, now: bool, as_json: bool) -> Exit:
    """Stop the server and return when it is gone; without one there is nothing to do.

    Raises:
        NotResponding: It is still there after the time it may take.
    """
    settings = invocation.settings()
    server = running(settings.home)
    if server is not None:
        _stop(server, settings, now=now)
    if as_json:
        write_json({"state": "stopped", "pid": server.pid if server is not None else None})
    elif server is not None:
        write_text(f"stopped pid {server.pid}\n")
    else:
        write_text("no server was running\n")
    return Exit.DONE


def _stop(server: RunningServer, settings: Settings, *, now: bool) -> None:
    signal_server(server, settings.home, signal.SIGTERM)
    if now:
        signal_server(server, settings.home, signal.SIGINT)  # the second one: at once
    within_s = server.drain_s + _LETTING_GO_S
    if not wait_until_gone(settings.home, server, within_s=within_s):
        raise NotResponding(f"the server with process id {server.pid}", within_s)


def restart(invocation: Invocation, *, as_json: bool) -> Exit:
    """Stop the server if there is one, and start it with its own flags and the new ones."""
    settings = invocation.settings()
    server = running(settings.home)
    flags = dict(invocation.flags)
    if server is not None:
        _stop(server, settings, now=False)
        flags = {**server.flags, **flags}
        settings = Invocation(environ=invocation.environ, flags=flags).settings()
    return _start(settings, flags, as_json=as_json)


def status(invocation: Invocation, *, as_json: bool) -> Exit:
    """Print whether there is a server, and where."""
    server = running(invocation.settings().home)
    if server is not None:
        _show(server, as_json=as_json)
        return Exit.DONE
    if as_json:
        write_json({"state": "stopped", "pid": None})
    else:
        write_text("no server is running\n")
    return Exit.REFUSED


def _show(server: RunningServer, *, as_json: bool) -> None:
    if as_json:
        write_json(_as_object(server))
        return
    lines = [f"{url} pid {server.pid}\n" for url in server.urls]
    write_text("".join(lines) or f"starting pid {server.pid}\n")


def _as_object(server: RunningServer) -> dict[str, Any]:
    return {
        "state": "running" if server.is_ready else "starting",
        "pid": server.pid,
        "urls": list(server.urls),
        "started_at": server.started_at,
        "version": server.version,
    }
