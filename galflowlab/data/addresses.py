"""Addresses that data may come from: https, and http on this machine only."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

_PORTS = {"http": 80, "https": 443}


def checked(url: str) -> str:
    """Return `url` if data may come from it.

    Raises
    ------
    ValueError
        If it is not https (or http on this machine), or holds a user name or a password.
    """
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(f"{shown(url)!r} is not an address")
    if "@" in parts.netloc:
        raise ValueError(f"{shown(url)!r} holds a user name or a password, which are not kept")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise ValueError(f"{shown(url)!r} should begin with https://")
    return url


def shown(url: str) -> str:
    """`url` for messages: without the parts that may hold a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def server(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what has to be the same for a secret to be sent again."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
