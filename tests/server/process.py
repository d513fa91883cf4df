"""A real server in a process that a test can kill, with a state directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cc_executor.client.remote.client import Client
from cc_executor.client.remote.target import Bounds

BOUND_S: Final = 60.0
#: Nothing here waits for longer than a test may.
QUICK: Final = Bounds(connect_s=20.0, request_s=60.0, reconnect_s=60.0)


class ServerProcess:
    """`cc-executor server start --foreground`, again and again on the same port.

    Attributes:
        workspace: Where the server stands, and a good place to work in.
        home: Its state directory.
        environ: All that it sees.
        url: Where it is.
    """

    def __init__(self, folder: Path, *flags: str) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.home = folder / "state"
        self.environ = {
            "HOME": str(folder),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "CC_EXECUTOR_HOME": str(self.home),
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        }
        self._flags = (
            *("--min-free-disk-mb", "0", "--min-free-memory-mb", "0"),
            *("--rate-per-minute", "1000000", "--orphan-grace-s", "60", *flags),
        )
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.urls: list[str] = []

    @property
    def url(self) -> str:
        """The address over TCP."""
        return self.urls[0]

    @property
    def port(self) -> int:
        """The port, which stays the same when it is started again; 0 before the first time."""
        return urlsplit(self.urls[0]).port or 0 if self.urls else 0

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "cc_executor", "server", "start"),
                    *("--foreground", "--json", "--port", str(self.port), *self._flags),
                ],
                env=self.environ,
                cwd=self.workspace,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], BOUND_S)
        line = self._process.stdout.readline() if ready else b""
        assert line, f"the server does not start: {self._log.read_text()[-2000:]}"
        self.urls = json.loads(line)["urls"]

    def kill(self) -> None:
        """`kill -9`: nothing of it gets to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it as a service manager does."""
        assert self._end(signal.SIGTERM) == 0, self._log.read_text()[-2000:]

    def close(self) -> None:
        """End it, if the test has not."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def client(self, url: str | None = None, **options: Any) -> Client:
        """Return a client of its user."""
        options.setdefault("bounds", QUICK)
        return Client(url or self.url, token_file=self.home / "token", environ={}, **options)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        assert process is not None
        assert process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            return process.wait(BOUND_S)
        finally:
            process.kill()
            process.wait(BOUND_S)
            process.stdout.close()
