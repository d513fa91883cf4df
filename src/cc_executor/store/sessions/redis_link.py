"""The way to Redis: every call ends in time, and every failure has a name that tells no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cc_executor.errors import SessionsUnavailable

try:
    from redis.driver_info import DriverInfo
except ImportError:  # redis-py before it knew such a thing
    DriverInfo = None  # type: ignore[assignment,misc] # a class, or none

_Answer = TypeVar("_Answer")

#: A connection that was idle for longer is asked whether it still lives before it is used.
_HEALTH_CHECK_S: Final = 15

#: How often the driver repeats a command: it may nest repetitions inside each other without end
#: when a login is missing (redis-py 8.1, Unix sockets). `Link` itself repeats, once.
_DRIVERS_REPETITIONS: Final = 0

#: What may follow the `?` of a URL. All else would change what `Link` promises.
_OPTIONS: Final = frozenset(
    {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"}
)
_PARTS: Final = frozenset({"connection_class", "host", "password", "path", "port", "username"})

_LOGIN_HINT: Final = "Check user and password in REDIS_URL."
_RIGHTS_HINT: Final = (
    "Let the user of REDIS_URL run scripts (+@scripting) with the commands on hashes, sorted sets "
    "and keys, on keys that begin with `cc-executor:`."
)

#: What a driver's error says, in our words: its own may name hosts and users. The first that fits.
_PHRASES: Final[tuple[tuple[type[Exception], str, str | None], ...]] = (
    (exceptions.AuthenticationWrongNumberOfArgsError, "it refuses the login", _LOGIN_HINT),
    (exceptions.AuthenticationError, "it refuses the login", _LOGIN_HINT),
    (exceptions.AuthorizationError, "it refuses the login", _LOGIN_HINT),
    (exceptions.NoPermissionError, "its user may not do what is needed", _RIGHTS_HINT),
    (exceptions.OutOfMemoryError, "it is full", "Raise `maxmemory` of that Redis, or free some."),
    (exceptions.ReadOnlyError, "it is a replica that cannot be written", None),
    (exceptions.BusyLoadingError, "it is still loading its data", None),
    (exceptions.MaxConnectionsError, "all connections are in use", None),
    (exceptions.ConnectionError, "there is no connection to it", None),
    (exceptions.TimeoutError, "it does not answer", None),
    (exceptions.ResponseError, "it refuses a command", None),
    (OSError, "there is no connection to it", None),
)


class Link:
    """A bounded pool of connections to one Redis; opens none before the first call.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        pool_size: Most connections; further calls wait for one.
        timeout_s: How long a call may take, waiting for a connection included.

    Raises:
        ValueError: The URL cannot be used; says why, without the URL.
    """

    def __init__(self, url: str, *, pool_size: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._pool = BlockingConnectionPool(
            max_connections=pool_size,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            health_check_interval=_HEALTH_CHECK_S,
            retry=Retry(NoBackoff(), _DRIVERS_REPETITIONS),
            decode_responses=True,
            protocol=2,  # plain answers: nothing is pushed
            **_driver(),
            **_where(url),
        )
        self._redis = Redis(connection_pool=self._pool)
        self._calls: set[asyncio.Task[Any]] = set()
        self._closed = False

    def script(self, text: str) -> Callable[..., Awaitable[Any]]:
        """Return a script that Redis runs; takes `keys` and `args`, inside `call` only."""
        return self._redis.register_script(text)

    async def call(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Return what `work` returns, which may use scripts of this link.

        When its connection breaks it is done once more: it must bear to be done twice.
        It is done whether its caller goes on waiting or not: a caller that is cancelled in the
        middle must not cost the pool a connection.

        Raises:
            SessionsUnavailable: Redis did not do it, or not within `timeout_s`.
        """
        if self._closed:
            raise SessionsUnavailable("they are closed")
        task = asyncio.ensure_future(self._bounded(work))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return await asyncio.shield(task)

    async def ping(self) -> None:
        """Do nothing when Redis answers.

        Raises:
            SessionsUnavailable: It does not.
        """
        await self.call(self._redis.ping)

    async def aclose(self) -> None:
        """Wait for the calls that were accepted, each of which ends in time, and disconnect."""
        self._closed = True
        if self._calls:
            await asyncio.wait(self._calls)
        # Whoever it is that does not let go: the connections are ours no longer.
        with suppress(exceptions.RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._pool.aclose()

    async def _bounded(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return await work()
                except exceptions.ConnectionError:
                    # It may have been idle for long, or its Redis has been started again since.
                    return await work()
        except TimeoutError as problem:
            raise SessionsUnavailable(f"Redis: no answer within {self._timeout_s:g} s") from problem
        except (exceptions.RedisError, OSError, EOFError, ValueError) as problem:
            raise _refusal(problem) from problem


def _driver() -> Mapping[str, Any]:
    """Return what connections tell Redis of their driver.

    Else each of them, on the event loop, looks on the disk for the driver's version: 2 ms, and as
    many at once as there are new connections. Older drivers look once, when they are imported.
    """
    return {} if DriverInfo is None else {"driver_info": DriverInfo()}


def _where(url: str) -> Mapping[str, Any]:
    """Return what a URL says about where Redis is and how to get in."""
    try:
        said = dict(parse_url(url))
    except ValueError:  # its words may quote a part of the password
        raise ValueError("is not a URL of a Redis") from None
    unknown = sorted(said.keys() - _OPTIONS - _PARTS)
    if unknown:
        raise ValueError(f"has options that are not used: {', '.join(unknown)}")
    return said


def _refusal(problem: Exception) -> SessionsUnavailable:
    chain = (problem, problem.__cause__)  # the driver wraps what happens while it connects
    for kind, phrase, hint in _PHRASES:
        if any(isinstance(one, kind) for one in chain):
            refusal = SessionsUnavailable(f"Redis: {phrase}")
            if hint is not None:
                refusal.hint = hint
            return refusal
    return SessionsUnavailable("Redis: it answers something else than a Redis would")
