"""The declarations of what only a server asks for.

All of them are personal: a project's file must not open a port, name an origin or point at a Redis.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from cc_executor.settings import kinds
from cc_executor.settings.setting import Setting

_personal = partial(Setting, personal=True, of_server=True)

SERVER_SETTINGS: Final[tuple[Setting, ...]] = (
    # --- where it listens ------------------------------------------------------------------------
    _personal(
        "host",
        kinds.host,
        "127.0.0.1",
        "",
        "Address to listen on; beyond loopback only with TLS or a named proxy.",
    ),
    _personal(
        "port",
        kinds.count(0, 65_535),
        8003,
        "",
        "Port to listen on; 0: any free one.",
        also="DEFAULT_PORT",
    ),
    _personal("socket", kinds.path, None, "", "Unix socket to listen on as well. Default: none."),
    _personal("tls_cert", kinds.path, None, "", "Certificate chain (PEM). Default: no TLS."),
    _personal("tls_key", kinds.path, None, "", "Private key of the certificate (PEM)."),
    _personal(
        "trusted_proxies",
        kinds.names,
        (),
        "",
        "Addresses of proxies that speak TLS for this server. Default: none.",
    ),
    # --- who gets in -----------------------------------------------------------------------------
    _personal(
        "token_file",
        kinds.path,
        None,
        "",
        "The token of this user, readable by nobody else. Default: `token` in the state directory.",
    ),
    _personal(
        "allowed_origins",
        kinds.origins,
        (),
        "",
        "Web origins that may talk to the server, exactly as browsers send them. Default: none.",
    ),
    _personal(
        "allowed_hosts",
        kinds.names,
        (),
        "",
        "Names in `Host` that are ours, besides those of loopback.",
    ),
    _personal(
        "insecure_no_auth",
        kinds.switch,
        False,
        "",
        "Let everybody on this machine in without a token. Loopback only.",
    ),
    # --- limits ----------------------------------------------------------------------------------
    _personal(
        "ws_max_size",
        kinds.count(1024, 1 << 30),
        10 * 1024 * 1024,
        "bytes",
        "Largest incoming message or request body; larger: close 1009, HTTP 413.",
        own_variable="WS_MAX_SIZE",
    ),
    _personal(
        "ws_ping_interval",
        kinds.seconds(),
        20.0,
        "s",
        "Time between protocol pings.",
        own_variable="WS_PING_INTERVAL",
    ),
    _personal(
        "ws_ping_timeout",
        kinds.seconds(),
        20.0,
        "s",
        "How long a pong may take before the peer counts as dead.",
        own_variable="WS_PING_TIMEOUT",
    ),
    _personal(
        "ws_deflate",
        kinds.switch,
        False,
        "",
        "Offer per-message deflate: seven times slower, useful over thin lines.",
    ),
    _personal(
        "max_fragments", kinds.count(1, 1_000_000), 1024, "", "Most fragments of one message."
    ),
    _personal("max_json_depth", kinds.count(4, 500), 64, "", "Deepest nesting of a message."),
    _personal("max_batch", kinds.count(1, 10_000), 100, "", "Most requests of one batch."),
    _personal(
        "max_outstanding",
        kinds.count(1, 10_000),
        64,
        "",
        "Most unanswered requests of one connection.",
    ),
    _personal(
        "max_subscriptions", kinds.count(1, 10_000), 256, "", "Most streams of one connection."
    ),
    _personal("max_connections", kinds.count(1, 100_000), 4096, "", "Most connections."),
    _personal(
        "max_unauthenticated",
        kinds.count(1, 100_000),
        256,
        "",
        "Most connections that have not yet shown who they are.",
    ),
    _personal(
        "handshake_timeout_s",
        kinds.seconds(),
        10.0,
        "s",
        "How long a request's head, or its body between two pieces, may take to arrive.",
    ),
    _personal(
        "rate_per_minute",
        kinds.count(1, 1_000_000),
        6000,
        "",
        "Most requests of one principal in a minute.",
    ),
    _personal(
        "max_queued",
        kinds.count(1, 1_000_000),
        1000,
        "",
        "Most executions of one principal that have not ended.",
    ),
    # --- sessions --------------------------------------------------------------------------------
    _personal(
        "max_sessions",
        kinds.count(1, 100_000),
        100,
        "",
        "Most sessions with a living connection.",
        own_variable="MAX_SESSIONS",
    ),
    _personal(
        "session_timeout",
        kinds.seconds(),
        3600.0,
        "s",
        "How long a session can be resumed after its connection is gone, or stay idle.",
        own_variable="SESSION_TIMEOUT",
    ),
    _personal(
        "redis_url",
        kinds.redis_url,
        None,
        "",
        "Redis that keeps sessions for several servers. Default: none, SQLite keeps them.",
        own_variable="REDIS_URL",
        secret=True,
    ),
    _personal(
        "redis_pool_size",
        kinds.count(1, 10_000),
        50,
        "",
        "Most connections to Redis; further callers wait.",
        own_variable="REDIS_POOL_SIZE",
    ),
    _personal(
        "redis_timeout",
        kinds.seconds(),
        5.0,
        "s",
        "How long one call to Redis may take, waiting for a connection included.",
        own_variable="REDIS_TIMEOUT",
    ),
    # --- the machine, the end --------------------------------------------------------------------
    _personal(
        "min_free_disk_mb",
        kinds.count(0, 100_000_000),
        512,
        "MiB",
        "Free space of the state directory below which no new work is accepted.",
    ),
    _personal(
        "min_free_memory_mb",
        kinds.count(0, 100_000_000),
        256,
        "MiB",
        "Available memory below which no new work is accepted.",
    ),
    _personal(
        "drain",
        kinds.choice("detach", "wait"),
        "detach",
        "",
        "At the end of the server: let tasks live on for the next one, or wait for them.",
    ),
    _personal(
        "drain_timeout_s",
        kinds.seconds(),
        300.0,
        "s",
        "How long `drain: wait` waits before it detaches what still runs.",
    ),
    # --- clients ---------------------------------------------------------------------------------
    _personal(
        "server",
        kinds.server_url,
        None,
        "",
        "Server that the command line talks to: ws://, wss://, http://, https:// or unix:///PATH. "
        "Default: none, the state directory of this machine.",
    ),
    _personal(
        "server_ca",
        kinds.path,
        None,
        "",
        "Certificates (PEM) of the authorities that may vouch for `server`. Default: the system's.",
    ),
)
