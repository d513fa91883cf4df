"""A server from its first socket to its last word: opened in order, closed in the reverse one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import ssl
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

import cc_executor
from cc_executor.errors import InvalidSetting, ServerUnavailable
from cc_executor.journal.home import StateDirectory
from cc_executor.model.records import Host
from cc_executor.server.app import App, Presence
from cc_executor.server.assembly import Doors, Parts
from cc_executor.server.listener.connections import Census
from cc_executor.server.listener.listener import Bounds, Door, Listener
from cc_executor.server.running import Record, RunningServer
from cc_executor.server.security.binding import check_binding
from cc_executor.server.security.guard import Guard
from cc_executor.server.security.rate import Rates
from cc_executor.server.security.watch import TokenWatch
from cc_executor.settings import Settings
from cc_executor.store.tokens import TokenFiles
from cc_executor.wiring import open_engine, open_resources, open_sessions

_log = logging.getLogger(__name__)

_FAREWELL_S: Final = 3.0
#: Besides connections: databases, journals that are read, pipes and sockets of attempts.
_OTHER_DESCRIPTORS: Final = 1024
_SOCKET_MODE: Final = 0o600
#: For how long a thread that reads a journal may keep the loop from going on. Python's default is
#: 5 ms, and several threads in a row can ask it of the loop.
_SWITCH_S: Final = 0.0005


class Stop:
    """Asked to end by a signal: the first is a wish, the second an order.

    Attributes:
        wished: Set by the first.
        ordered: Set by the second, and by SIGINT after SIGTERM.
    """

    def __init__(self) -> None:
        self.wished = asyncio.Event()
        self.ordered = asyncio.Event()

    def ask(self) -> None:
        """Ask once, or once more."""
        if self.wished.is_set():
            self.ordered.set()
        self.wished.set()


def serve_here(
    settings: Settings,
    *,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] | None = None,
    on_ready: Callable[[RunningServer], None],
) -> None:
    """Be the server of this process until a signal ends it.

    Args:
        settings: As loaded.
        environ: What agents may inherit from.
        flags: Settings of the command line; a restart gives them again.
        on_ready: Called once it answers.

    Raises:
        CCExecutorError: It was not started, or not any more.
    """
    _allow_descriptors(settings.max_connections + _OTHER_DESCRIPTORS)
    _stay_responsive()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signalled(settings, environ, flags or {}, on_ready))


def _stay_responsive() -> None:
    """Keep what Python does beside the loop from stopping it for long.

    All that is loaded by now stays for the life of the process: a full collection of garbage, which
    stops everything, need not look at it.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()


def _allow_descriptors(wanted: int) -> None:
    """Have as many descriptors as the settings need, if the system lets us: most begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _until_signalled(
    settings: Settings,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    on_ready: Callable[[RunningServer], None],
) -> None:
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask)
    await serve(settings, environ=environ, flags=flags, on_ready=on_ready, stop=stop)


async def serve(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, str],
    on_ready: Callable[[RunningServer], None],
    stop: Stop,
) -> None:
    """Serve until asked to stop; then drain as the settings say.

    Raises:
        CCExecutorError: It could not be started; whatever was opened is closed again.
    """
    check_binding(settings)
    home = await asyncio.to_thread(StateDirectory, settings.home)
    record = await asyncio.to_thread(
        Record,
        home.path,
        version=cc_executor.__version__,
        started_at=time.time(),
        drain_s=settings.drain_timeout_s if settings.drain == "wait" else 0.0,
        flags=flags,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(record.close)
        tokens = TokenWatch(TokenFiles(home.path, settings.token_file))
        await tokens.load()
        sockets = _sockets(settings, stack)
        parts = await _opened(settings, environ, stack)
        presence = Presence()
        guard = Guard(
            lambda: tokens.valid,
            origins=settings.allowed_origins,
            hosts=settings.allowed_hosts,
            rates=Rates(settings.rate_per_minute, now_s=time.monotonic),
            now_s=time.time,
            no_auth=settings.insecure_no_auth,
        )
        census = Census(
            max_connections=settings.max_connections,
            max_unauthenticated=settings.max_unauthenticated,
            peers=_peers(settings),
        )
        doors = Doors(settings, parts, guard, census)
        app = App(guard, presence, http=doors.http, rpc=doors.rpc)
        listener = Listener(app, census, _bounds(settings))
        await parts.engine.recover()
        await listener.open(sockets)
        look = partial(presence.end_those, lambda one: not guard.still_admits(one))
        for work in (doors.vitals.watch(), doors.renew(), tokens.watch(look)):
            await stack.enter_async_context(_in_background(work))
        running = record.publish(*_urls(settings, sockets))
        _say(settings, running)
        on_ready(running)
        await stop.wished.wait()
        _log.info("stopping", extra={"drain": settings.drain})
        doors.stop_accepting()
        listener.stop_accepting()
        if settings.drain == "wait":
            await _first_of(
                parts.engine.quiet(), stop.ordered.wait(), within_s=settings.drain_timeout_s
            )
        doors.close()
        await listener.aclose(within_s=_FAREWELL_S)
    _log.info("stopped")


async def _opened(
    settings: Settings, environ: Mapping[str, str], stack: contextlib.AsyncExitStack
) -> Parts:
    resources = await open_resources(settings)
    stack.callback(resources.close)
    engine, store = await open_engine(settings, Host.SERVER, environ=environ, resources=resources)
    stack.push_async_callback(engine.aclose)
    sessions = await open_sessions(settings)
    stack.push_async_callback(sessions.aclose)
    return Parts(engine=engine, store=store, sessions=sessions, resources=resources)


# --- sockets -------------------------------------------------------------------------------------


def _sockets(settings: Settings, stack: contextlib.AsyncExitStack) -> list[Door]:
    tls = _tls(settings)
    doors = [Door(_tcp(settings), tls)]
    stack.callback(doors[0].socket.close)
    if settings.socket is not None:
        doors.append(Door(_unix(settings.socket)))
        stack.callback(doors[1].socket.close)
        stack.callback(settings.socket.unlink, missing_ok=True)
    return doors


def _tcp(settings: Settings) -> socket.socket:
    address = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, proto, _name, where = found[0]
        bound = socket.socket(family, kind, proto)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ServerUnavailable(
            address,
            f"cannot be listened on: {error.strerror or error}",
            hint="Another program may use it: choose another with --port, or --port 0 for any.",
        ) from error
    return bound


def _unix(path: Path) -> socket.socket:
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)  # never open to others, not even for a moment
        try:
            bound.bind(str(path))
        finally:
            os.umask(before)
        path.chmod(_SOCKET_MODE)
    except OSError as error:
        bound.close()
        raise ServerUnavailable(f"unix://{path}", f"cannot be listened on: {error}") from error
    return bound


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed server has left; one that somebody listens on stays.

    Raises:
        ServerUnavailable: Somebody does.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(_FAREWELL_S)
            asking.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        path.unlink(missing_ok=True)
        return
    except OSError as error:
        raise ServerUnavailable(f"unix://{path}", f"cannot be listened on: {error}") from error
    raise ServerUnavailable(
        f"unix://{path}",
        "another program listens there",
        hint="Choose another path with --socket.",
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidSetting(
            "tls_cert", f"cannot be used: {error}", origin=settings.origin("tls_cert")
        ) from error
    return context


def _urls(settings: Settings, doors: list[Door]) -> list[str]:
    scheme = "wss" if settings.tls_cert is not None else "ws"
    port = doors[0].socket.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    urls = [f"{scheme}://{host}:{port}"]
    if settings.socket is not None:
        urls.append(f"unix://{settings.socket}")
    return urls


def _peers(settings: Settings) -> frozenset[str] | None:
    """Return who may connect besides this machine: in the clear only the proxy that speaks TLS for us."""
    if settings.tls_cert is not None or not settings.trusted_proxies:
        return None
    return frozenset(settings.trusted_proxies) | {"127.0.0.1", "::1"}


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        ws_max_size=settings.ws_max_size,
        ws_ping_interval=settings.ws_ping_interval,
        ws_ping_timeout=settings.ws_ping_timeout,
        ws_deflate=settings.ws_deflate,
        max_fragments=settings.max_fragments,
        handshake_timeout_s=settings.handshake_timeout_s,
    )


def _say(settings: Settings, running: RunningServer) -> None:
    _log.info("serving", extra={"urls": list(running.urls), "pid": running.pid})
    if settings.insecure_no_auth:
        _log.warning(
            "NO AUTHENTICATION: every program and every user of this machine can run anything here",
            extra={"urls": list(running.urls)},
        )


# --- waiting -------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _in_background(work: Any) -> AsyncIterator[None]:  # noqa: ANN401 - a coroutine
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _first_of(*waits: Any, within_s: float) -> None:
    """Return when one of them has ended, or the time is up; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
