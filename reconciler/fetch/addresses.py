"""Which addresses a host name stands for, and which of them are out on the internet."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, or of an address itself, in the order to try them. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Is it an address of the internet: not private, loopback, link-local, shared, reserved or multicast?

    An IPv4 address that is carried in one of IPv6 is judged as what it is.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if carried:
            return is_public(str(carried))
    return ip.is_global and not ip.is_multicast
