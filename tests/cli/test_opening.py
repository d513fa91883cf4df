"""Which client a command works with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cc_executor.cli import serving
from cc_executor.cli.opening import _url_here, open_client
from cc_executor.client.executor import Executor
from cc_executor.client.remote.client import Client
from cc_executor.errors import InvalidSetting, MissingExtra
from cc_executor.settings import Settings, load_settings


def settings(home: Path, **flags: str) -> Settings:
    return load_settings(environ={}, flags={"home": str(home), **flags}, config_files=())


def test_a_server_that_is_named_is_used(tmp_path: Path) -> None:
    assert isinstance(open_client(settings(tmp_path)), Executor)
    assert isinstance(open_client(settings(tmp_path, server="ws://localhost")), Client)
    with pytest.raises(InvalidSetting, match="--grace-s"):
        open_client(settings(tmp_path, server="ws://localhost", grace_s="1"))


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (["ws://127.0.0.1:8003"], "ws://127.0.0.1:8003"),
        (["ws://127.0.0.1:8003", "unix:///run/s"], "unix:///run/s"),
        (["ws://[::1]:8003"], "ws://[::1]:8003"),
        (["wss://0.0.0.0:8003"], "wss://127.0.0.1:8003"),
        (["ws://[::]:8003"], "ws://[::1]:8003"),
        (["wss://tasks.example:8003"], "wss://tasks.example:8003"),
        (["ws://192.0.2.1:8003"], None),
        ([], None),
    ],
    ids=str,
)
def test_a_server_of_this_machine_is_asked_without_leaving_it(
    urls: list[str], expected: str | None
) -> None:
    assert _url_here(urls) == expected


def test_a_part_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith(("websockets", "cc_executor.client.remote")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(MissingExtra, match="client"):
        open_client(settings(tmp_path, server="ws://localhost"))


def test_a_server_needs_its_own_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_NEEDED", ("no_such_module",))
    with pytest.raises(MissingExtra, match="server"):
        serving._demand_server()
