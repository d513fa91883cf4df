"""Where a server may listen: never beyond this machine in the clear."""

from __future__ import annotations

import ipaddress
from typing import Final

from cc_executor.errors import InvalidSetting
from cc_executor.settings import Settings

_LOOPBACK_NAMES: Final = {"localhost"}


def is_loopback(host: str) -> bool:
    """Tell whether nobody beyond this machine can reach an address."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(settings: Settings) -> None:
    """Do nothing where a server may listen.

    Raises:
        InvalidSetting: Tokens and output would cross a network in the clear, or everybody on one
            would get in, or TLS is named by half.
    """
    if (settings.tls_cert is None) != (settings.tls_key is None):
        missing = "tls_key" if settings.tls_key is None else "tls_cert"
        raise InvalidSetting(
            missing,
            "is missing: certificate and key belong together",
            origin=settings.origin(missing),
        )
    _check_proxies(settings)
    if is_loopback(settings.host):
        return
    if settings.insecure_no_auth:
        raise InvalidSetting(
            "insecure_no_auth",
            f"would let everybody in who can reach {settings.host}; it is for loopback only",
            origin=settings.origin("insecure_no_auth"),
        )
    if settings.tls_cert is None and not settings.trusted_proxies:
        raise InvalidSetting(
            "host",
            f"{settings.host} can be reached from other machines, and there is no TLS",
            origin=settings.origin("host"),
            hint="Set --tls-cert and --tls-key, or name the proxy that speaks TLS for this server"
            " (--trusted-proxies), or listen on 127.0.0.1.",
        )


def _check_proxies(settings: Settings) -> None:
    origin = settings.origin("trusted_proxies")
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError:
            raise InvalidSetting(
                "trusted_proxies", f"{proxy!r} is not an IP address", origin=origin
            ) from None
    if settings.trusted_proxies and settings.insecure_no_auth:
        raise InvalidSetting(
            "insecure_no_auth",
            "would let everybody in who can reach the proxy; it is for loopback only",
            origin=settings.origin("insecure_no_auth"),
        )
