"""A real Redis for one test run: its own process, in a folder of its own, nothing kept on disk."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

_START_LIMIT_S: Final = 10.0
_STOP_LIMIT_S: Final = 10.0
_PAUSE_S: Final = 0.005


class NoRedis(AssertionError):
    """No `redis-server` is installed, or it does not start."""


class RedisServer:
    """A `redis-server` on a Unix socket, while it is entered.

    A socket in a folder of its own cannot be taken by anybody else, as a free port can between
    being found and being used.

    Args:
        options: More of its options, e.g. `("--requirepass", "secret")`.
        password: What it asks for, if `options` say so.
    """

    def __init__(self, *options: str, password: str | None = None) -> None:
        self._options = options
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        # Not below the test's own folder: the path of a socket has 107 bytes at most.
        self._folder = Path(tempfile.mkdtemp(prefix="cc-redis-"))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._folder / "redis.sock"

    @property
    def url(self) -> str:
        """Its address for `REDIS_URL`."""
        login = f":{self._password}@" if self._password else ""
        return f"unix://{login}{self.socket}"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it, empty, and return when it answers.

        Raises:
            NoRedis: It is not installed, or does not answer within 10 s.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        gives_up_at = time.monotonic() + _START_LIMIT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > gives_up_at:
                raise NoRedis(f"redis-server does not start:\n{self.log}")
            time.sleep(_PAUSE_S)

    def kill(self) -> None:
        """Kill it; all that it knew is lost."""
        process = self._living()
        process.kill()
        process.wait(_STOP_LIMIT_S)
        self._process = None

    def freeze(self) -> None:
        """Stop it where it stands: connections stay open, nothing is answered."""
        os.kill(self._living().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._living().pid, signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """Have a command done, over a connection of its own, and return the answer as it comes.

        Short answers only: what one reading gives.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_START_LIMIT_S)
            connection.connect(str(self.socket))
            if self._password is not None:
                connection.sendall(_encoded("AUTH", self._password))
                connection.recv(65_536)
            connection.sendall(_encoded(*words))
            return connection.recv(65_536)

    def close(self) -> None:
        """Kill it if it runs and remove its folder; once is enough."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _argv(self) -> list[str]:
        server = shutil.which("redis-server")
        if server is None:
            raise NoRedis("no redis-server on PATH; Debian's package is called redis-server")
        settings = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(self._folder),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
        }
        argv = [server, *(word for pair in settings.items() for word in pair), *self._options]
        # Where it can be had: a test run that is killed leaves no server behind.
        setpriv = shutil.which("setpriv")
        return argv if setpriv is None else [setpriv, "--pdeathsig", "KILL", *argv]

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith(b"+PONG")
        except OSError:
            return False

    def _living(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it does not run"
        return self._process


def _encoded(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)
