"""What the guard reads in a head, where the matrix has no room for every spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from cc_executor.errors import NotAuthenticated, OriginRefused, RateLimited
from cc_executor.model.principals import Scope
from cc_executor.model.tokens import OWNER, TokenRecord, Tokens, digest
from cc_executor.server.security.guard import Guard
from cc_executor.server.security.head import Head, Peer, head_of
from cc_executor.server.security.rate import Rates

TOKEN: Final = "t" * 43
RECORD: Final = TokenRecord(
    id="1", name="ann", scopes=(Scope.READ,), sha256=digest(TOKEN), created_at=0.0, expires_at=100.0
)


def guard(*, no_auth: bool = False, now_s: float = 10.0, per_minute: int = 60) -> Guard:
    return Guard(
        lambda: Tokens([RECORD]),
        origins=["https://tasks.example"],
        hosts=["Tasks.example", "pinned.example:8443"],
        rates=Rates(per_minute, now_s=lambda: now_s),
        now_s=lambda: now_s,
        no_auth=no_auth,
    )


def head(
    headers: Mapping[str, str | Sequence[str]], *, subprotocols: Sequence[str] = (), uid: int = -1
) -> Head:
    raw = [
        (name.encode(), value.encode("latin-1"))
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    scope = {"headers": raw, "subprotocols": subprotocols}
    return head_of(scope, Peer(uid=None if uid < 0 else uid))


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:1", "127.0.0.1:65535", "[::1]", "tasks.example:9", "TASKS.EXAMPLE",
        "pinned.example:8443",
    ],
)  # fmt: skip
def test_a_host_that_is_ours_is_taken(host: str) -> None:
    guard().check_source(head({"host": host}))


@pytest.mark.parametrize(
    "host",
    [
        "", " localhost", "localhost ", "localhost.", "localhost:", "localhost:99999999", "0",
        "127.0.0.2", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::]", "::1",
        "localhost@evil.example", "evil.example#localhost", "evil.example/localhost", "a,localhost",
        "localhost:80:80", "localhost\x00", "xn--localhost", "pinned.example", "pinned.example:443",
        "sub.tasks.example", "http://localhost", "löcalhost",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(OriginRefused):
        guard().check_source(head({"host": host}))


@pytest.mark.parametrize(
    "origin",
    [
        "", "null", "*", "https://tasks.example/", "https://TASKS.example", "http://tasks.example",
        "https://tasks.example:443", "https://evil.example", "https://tasks.example.evil.example",
        "https://eviltasks.example", "https://evil.example/https://tasks.example", "file://",
        "https://tasks.example https://evil.example", "http://localhost", "http://127.0.0.1:8003",
        "chrome-extension://abc", "https://tasks.example\x00",
    ],
)  # fmt: skip
def test_an_origin_is_compared_character_by_character(origin: str) -> None:
    with pytest.raises(OriginRefused):
        guard(no_auth=True).check_source(head({"host": "localhost", "origin": origin}))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "SAME-SITE"])
def test_a_browser_that_asks_for_another_site_is_refused_without_an_origin_too(site: str) -> None:
    with pytest.raises(OriginRefused, match="Sec-Fetch-Site"):
        guard(no_auth=True).check_source(head({"host": "localhost", "sec-fetch-site": site}))


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_browser_that_asks_for_its_user_is_taken(site: str) -> None:
    guard().check_source(head({"host": "localhost", "sec-fetch-site": site}))


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer   {TOKEN}"])
def test_a_token_in_the_head_says_who_it_is(value: str) -> None:
    assert guard().identify(head({"authorization": value})).name == "ann"


@pytest.mark.parametrize(
    "value",
    [
        "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN} ", f"Bearer\t{TOKEN}",
        f"Bearer {TOKEN},", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"BEARER {TOKEN}",
        f'Bearer "{TOKEN}"', "Bearer " + "t" * 100_000, f"Bearer {digest(TOKEN)}",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_valid_token_says_nothing(value: str) -> None:
    with pytest.raises(NotAuthenticated):
        guard().identify(head({"authorization": value}))


@pytest.mark.parametrize(
    ("headers", "subprotocols"),
    [
        ({"authorization": [f"Bearer {TOKEN}"] * 2}, []),
        ({"authorization": f"Bearer {TOKEN}"}, [f"bearer.{TOKEN}"]),
        ({}, [f"bearer.{TOKEN}", "bearer.other"]),
        ({"authorization": f"Bearer {TOKEN}"}, ["bearer."]),
    ],
)
def test_whoever_shows_two_tokens_is_nobody(
    headers: Mapping[str, str | Sequence[str]], subprotocols: Sequence[str]
) -> None:
    with pytest.raises(NotAuthenticated):
        guard().identify(head(headers, subprotocols=subprotocols))


def test_without_authentication_a_wrong_token_is_still_refused() -> None:
    assert guard(no_auth=True).identify(head({})).name == OWNER
    with pytest.raises(NotAuthenticated):
        guard(no_auth=True).identify(head({"authorization": "Bearer wrong"}))


def test_a_token_ends_when_its_time_has_come() -> None:
    shown = head({"authorization": f"Bearer {TOKEN}"})
    principal = guard(now_s=99.9).identify(shown)
    assert guard(now_s=99.9).still_admits(principal)
    assert not guard(now_s=100.0).still_admits(principal)
    with pytest.raises(NotAuthenticated):
        guard(now_s=100.0).identify(shown)


def test_only_the_users_own_processes_need_no_token_on_a_unix_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert guard().identify(head({}, uid=1000)).name == OWNER
    assert guard().identify(head({}, uid=0)).name == OWNER
    for uid in (1001, 65_534):
        with pytest.raises(NotAuthenticated):
            guard().identify(head({}, uid=uid))


def test_one_principal_cannot_use_up_the_rate_of_another() -> None:
    now = [0.0]
    rates = Rates(60, now_s=lambda: now[0])
    for _ in range(60):
        rates.take("ann")
    with pytest.raises(RateLimited) as refused:
        rates.take("ann")
    assert 0 < refused.value.retry_after_s <= 1
    rates.take("bob")
    now[0] = 1.0
    rates.take("ann")
    with pytest.raises(RateLimited):
        rates.take("ann")


def test_an_hour_of_silence_saves_up_no_more_than_a_minute() -> None:
    now = [0.0]
    rates = Rates(5, now_s=lambda: now[0])
    rates.take("ann")
    now[0] = 3600.0
    for _ in range(5):
        rates.take("ann")
    with pytest.raises(RateLimited):
        rates.take("ann")


def test_the_rates_of_ever_new_principals_take_bounded_memory() -> None:
    rates = Rates(5, now_s=lambda: 0.0)
    for number in range(30_000):
        rates.take(str(number))
    assert len(rates._buckets) == 10_000


def test_a_head_of_thousands_of_like_lines_is_read_in_one_pass() -> None:
    """Each of 64 KiB: 13,000 lines. What grew with their square stopped the loop."""

    class Counted(bytes):
        decoded = 0

        def decode(self, *rest: str) -> str:
            Counted.decoded += 1
            return super().decode(*rest)

    lines = [(Counted(b"a"), Counted(b"b"))] * 13_000
    read = head_of({"headers": lines}, Peer())
    assert len(read.headers["a"]) == 13_000
    assert Counted.decoded == 26_000
