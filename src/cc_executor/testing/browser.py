"""A real browser without a window: Chromium in a process and with a profile of its own.

It reaches nothing but this machine: names lead where a test says, and nowhere otherwise.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

_STOP_LIMIT_S: Final = 20.0
_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
#: Nothing of its own goes out, and nothing of its own stands before what is tested: whether a page
#: may talk to loopback at all is left to the server.
_WITHOUT: Final = (
    "LocalNetworkAccessChecks",
    "PrivateNetworkAccessSendPreflights",
    "BlockInsecurePrivateNetworkRequests",
    "OptimizationHints",
    "MediaRouter",
    "HttpsUpgrades",
)
_OPTIONS: Final = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--metrics-recording-only",
    "--no-proxy-server",
    f"--disable-features={','.join(_WITHOUT)}",
)


class NoBrowser(AssertionError):
    """No Chromium is installed."""


class Browser:
    """A browser that shows one page, while it is entered.

    Args:
        url: The page.
        names: Names that lead to 127.0.0.1; all others lead nowhere.
    """

    def __init__(self, url: str, *, names: Collection[str] = ()) -> None:
        self._url = url
        self._names = tuple(names)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="cc-browser-"))

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(
                self._argv(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
                start_new_session=True,
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # It is a family of processes, all in the session that was made for it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_LIMIT_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def folder(self) -> Path:
        """All that it writes."""
        return self._folder

    def _argv(self) -> list[str]:
        program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if program is None:
            raise NoBrowser("no chromium on PATH; `make setup` installs it")
        rules = [*(f"MAP {name} 127.0.0.1" for name in self._names), "MAP * ~NOTFOUND"]
        excluded = ", ".join(f"EXCLUDE {one}" for one in ("127.0.0.1", "localhost"))
        argv = [
            program,
            *_OPTIONS,
            f"--user-data-dir={self._folder / 'profile'}",
            f"--host-resolver-rules={', '.join(rules)}, {excluded}",
            self._url,
        ]
        if os.geteuid() == 0:  # its own sandbox refuses to run as root; what it shows is ours
            argv.insert(1, "--no-sandbox")
        # Where it can be had: a test run that is killed leaves no browser behind.
        setpriv = shutil.which("setpriv")
        return argv if setpriv is None else [setpriv, "--pdeathsig", "KILL", *argv]
