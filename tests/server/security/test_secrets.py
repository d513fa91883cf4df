"""What is secret is said nowhere: not in logs, not in argument lists, not in answers, not to agents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from cc_executor.model.principals import Scope
from cc_executor.store.tokens import TokenFiles
from cc_executor.testing.redis_server import RedisServer
from tests.server.raw import TEXT, encoded
from tests.server.serving import ServerProcess

PASSWORD: Final = "a-password-of-a-redis"
JSON: Final = [("Content-Type", "application/json")]


def _argument_lists() -> str:
    """Return what `ps` would show of every process of this machine."""
    shown = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            shown.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return "\n".join(shown)


def _session(served: ServerProcess, own: str, given: str) -> str:
    """Do a bit of everything, right and wrong, and return all answers."""
    said = []
    with served.connect() as raw:
        for path in ("/health", "/metrics", "/auth/status", "/executions", "/nothing", "/docs"):
            for token in (own, given, f"{own}x", own[:-1]):
                raw.request("GET", f"{path}?token={given}", token=token)
                answer = raw.answer()
                said += [str(answer.headers), answer.body.decode()]
        body = json.dumps({"tasks": [{"name": "env", "command": ["env"]}]}).encode()
        raw.request("POST", "/execute?wait=true", JSON, token=own, body=body)
        said.append(raw.answer().body.decode())
    for headers in ([], [("Origin", "https://evil.example")], [("Cookie", f"token={own}")]):
        with served.connect() as raw:
            said.append(str(raw.upgrade(headers, token=own)))
    with served.connect() as raw:
        raw.opened(own)
        said.append(str(raw.call("status")))
        said.append(str(raw.call("session.resume", {"token": own})))
        said.append(str(raw.call("execute", {"command": ["env"], "nonsense": True})))
        raw.send(encoded(TEXT, b"\xff"))
        said.append(str(raw.closing()))
    return "\n".join(said)


def test_no_secret_is_said_in_a_whole_session(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with RedisServer("--requirepass", PASSWORD, password=PASSWORD) as redis:
        environ = {
            "REDIS_URL": redis.url,
            "CC_EXECUTOR_TOKEN_FILE": str(tmp_path / "own-token"),
            "SOME_PASSWORD": "of-somebody",
        }
        with ServerProcess(home, environ, log_level="DEBUG", log_format="json") as served:
            own = (tmp_path / "own-token").read_text().strip()
            _, given = TokenFiles(home).create("ann", [Scope.READ], now_s=0.0)
            (home / "token").symlink_to(tmp_path / "own-token")  # for this test's own look
            answers = _session(served, own, given)
            shown = _argument_lists()
            settings = _settings(environ)
    log = served.log.read_text()
    assert "refused" in log, "it has logged something"
    for secret in (own, given, PASSWORD):
        assert secret not in log
        assert secret not in answers
        assert secret not in settings
    assert own not in shown
    assert given not in shown
    assert "***" in settings
    env = json.loads(next(one for one in answers.splitlines() if '"name":"env"' in one))
    names = {line.partition("=")[0] for line in env["tasks"][0]["result"].splitlines()}
    assert "PATH" in names
    assert names & set(environ) == set()
    assert {name for name in names if name.startswith(("REDIS_", "CC_EXECUTOR_TOKEN"))} == set()


def _settings(environ: dict[str, str]) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "cc_executor", "settings"],
        env={**os.environ, **environ},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return (ran.stdout + ran.stderr).decode()


def test_a_server_in_the_background_gets_its_settings_where_nobody_else_reads_them(
    tmp_path: Path,
) -> None:
    with RedisServer("--requirepass", PASSWORD, password=PASSWORD) as redis:
        environ = {
            **os.environ,
            "CC_EXECUTOR_HOME": str(tmp_path / "home"),
            "REDIS_URL": redis.url,
        }
        base = [sys.executable, "-m", "cc_executor", "server"]
        subprocess.run([*base, "start", "--port", "0"], env=environ, timeout=60, check=True)
        try:
            pid = json.loads((tmp_path / "home" / "server.json").read_bytes())["pid"]
            argv = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert argv
            assert PASSWORD.encode() not in argv
            for name in ("server.json", "server.log"):
                assert PASSWORD not in (tmp_path / "home" / name).read_text()
        finally:
            subprocess.run([*base, "stop"], env=environ, timeout=60, check=True)
