"""Real servers for tests: one in a thread of this process, one in a process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any, Final, Self

import uvloop

from cc_executor.server.running import RunningServer
from cc_executor.server.serve import Stop, serve
from cc_executor.settings import Settings, load_settings
from tests.server.raw import Raw

BOUND_S: Final = 30.0
_PAUSE_S: Final = 0.01
#: What keeps tests independent of the machine that they run on.
_QUIET: Final = {
    "port": "0",
    "min_free_disk_mb": "0",
    "min_free_memory_mb": "0",
    "rate_per_minute": "1000000",
}


def settings_of(home: Path, **flags: object) -> Settings:
    """Return the settings of a server of a test: any port, and nobody's environment."""
    said = {name: str(value) for name, value in flags.items()}
    return load_settings(environ={}, flags={"home": str(home), **_QUIET, **said}, config_files=())


class _Reachable:
    """What both kinds of servers have."""

    home: Path
    port: int

    @property
    def token(self) -> str:
        """The token of its user, as it is now."""
        return (self.home / "token").read_text().strip()

    def connect(self) -> Raw:
        """Return a new connection."""
        return Raw(("127.0.0.1", self.port))

    def metric(self, name: str) -> float:
        """Return a figure that the server tells of itself."""
        with self.connect() as raw:
            raw.request("GET", "/metrics", token=self.token)
            text = raw.answer().body.decode()
        found = re.search(rf"^cc_executor_{name} (\S+)$", text, re.MULTILINE)
        assert found is not None, f"no {name} in\n{text}"
        return float(found[1])

    def executions(self) -> list[Any]:
        """Return what was ever submitted to it."""
        with self.connect() as raw:
            raw.request("GET", "/executions", token=self.token)
            answer = raw.answer()
        assert answer.status == 200, answer
        listed: list[Any] = json.loads(answer.body)["executions"]
        return listed


class Served(_Reachable):
    """A server in a thread of its own, on the event loop that servers have, while it is entered."""

    def __init__(self, home: Path, **flags: object) -> None:
        self.home = home
        self._settings = settings_of(home, **flags)
        self._ready = threading.Event()
        self._stop: Stop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._failed: BaseException | None = None
        self.running: RunningServer | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(BOUND_S), "it does not start"
        if self._failed is not None:
            raise self._failed
        assert self.running is not None
        self.port = urllib.parse.urlsplit(self.running.urls[0]).port or 0
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Ask it to end, and return when it has."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.ask)
        self._thread.join(BOUND_S)
        assert not self._thread.is_alive(), "it does not end"

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the test raises it where it can be seen
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = Stop()
        await serve(
            self._settings,
            environ={"PATH": os.environ["PATH"]},
            flags={},
            on_ready=self._on_ready,
            stop=self._stop,
        )

    def _on_ready(self, running: RunningServer) -> None:
        self.running = running
        self._ready.set()


class ServerProcess(_Reachable):
    """A server in a process of its own, as a user starts it, while it is entered.

    Args:
        home: Its state directory.
        environ: More variables of its environment.
        flags: Its settings.
    """

    def __init__(self, home: Path, environ: dict[str, str] | None = None, **flags: object) -> None:
        self.home = home
        self._flags = {**_QUIET, **{name: str(value) for name, value in flags.items()}}
        self._environ = environ or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home.parent / f"{home.name}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()  # a test that fails leaves nothing behind either
                raise

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; return when it answers."""
        options = [
            word
            for name, value in self._flags.items()
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cc_executor", "server", "start", "--foreground", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "CC_EXECUTOR_HOME": str(self.home), **self._environ},
            )
        record = self.home / "server.json"
        gives_up_at = time.monotonic() + BOUND_S
        while True:
            with contextlib.suppress(OSError, ValueError):
                said = json.loads(record.read_bytes())
                if said["pid"] == self._process.pid and said.get("urls"):
                    self.port = urllib.parse.urlsplit(said["urls"][0]).port or 0
                    return
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < gives_up_at, self.log.read_text()
            time.sleep(_PAUSE_S)

    def stop(self) -> None:
        """Ask it to end; return when it is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(BOUND_S)

    def kill(self) -> None:
        """Kill it; return when it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(BOUND_S)

    def resident_bytes(self) -> int:
        """Return how much memory it has now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        """Return how much memory it has ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


def eventually(look: Any, *, within_s: float = BOUND_S) -> None:
    """Return as soon as `look` returns something true; fail when it does not in time."""
    gives_up_at = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < gives_up_at, "it never came true"
        time.sleep(_PAUSE_S)
