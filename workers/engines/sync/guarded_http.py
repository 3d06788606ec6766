"""Connections that lead to no address of the machine itself, whatever name it is given.

The name is looked up and checked first, and the address that was connected to once more before anything is sent: a name may
have another address by then.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_OF_CLOUDS = (ipaddress.ip_network("fd00:ec2::/32"), ipaddress.ip_network("100.100.100.200/32"))
"""Where clouds tell a machine its own secrets, beside the link-local addresses."""


class EndpointRefused(Exception):
    """The host leads to an address that may not be read from."""


def refuse_address(host: str, allowed: Collection[str] | None) -> None:
    """Raises EndpointRefused; OSError where the name has no address."""
    if allowed is not None:
        if host.lower() not in {each.lower() for each in allowed}:
            raise EndpointRefused(host)
        return
    for *_, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
        _refuse_own(str(address[0]), host)


def _refuse_own(address: str, host: str) -> None:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    is_own = ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast or ip.is_reserved
    if is_own or any(ip in network for network in _OF_CLOUDS if network.version == ip.version):
        raise EndpointRefused(host)


def guarded_pool(allowed: Collection[str] | None, **options: Any) -> PoolManager:
    """Options are those of urllib3's PoolManager."""

    def checked(connection: HTTPConnection, connected: socket.socket) -> socket.socket:
        try:
            if allowed is None:
                _refuse_own(str(connected.getpeername()[0]), connection.host)
        except BaseException:
            connected.close()
            raise
        return connected

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return checked(self, super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return checked(self, super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pool = PoolManager(**options)
    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pool
