"""ICMP echo without privileges: a datagram socket, where the system allows one."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Final

from reconciler.model.health import Answer, State

_REQUEST: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: Final = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_MEND: Final = (
    "Allow it with the sysctl net.ipv4.ping_group_range (it must hold the group that reconcile runs as, as in "
    '"0 2147483647"), or use a tcp probe'
)


def ping(host: str, timeout: float) -> Answer:
    """Send one echo request and wait for the reply to it."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    family, _, _, _, address = found[0]
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[socket.AddressFamily(family)])
    except PermissionError:
        return Answer(State.NOT_CONFIGURED, "this system does not let us send a ping", _MEND)
    with opened as link:
        return _echo(link, address, socket.AddressFamily(family), timeout)


def _echo(link: socket.socket, address: object, family: socket.AddressFamily, timeout: float) -> Answer:
    payload = os.urandom(16)
    link.connect(address)  # type: ignore[arg-type]  # as getaddrinfo gives it for this family
    link.send(echo_request(family, payload))
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        link.settimeout(left)
        if is_reply(family, link.recv(2048), payload):
            return Answer(State.OK, "answers")
    raise TimeoutError


def echo_request(family: socket.AddressFamily, payload: bytes) -> bytes:
    """An echo request. The kernel puts its own identifier in, and computes the checksum (Linux: both families)."""
    head = struct.pack("!BBHHH", _REQUEST[family], 0, 0, 0, 1)
    packed = head + payload
    checksum = _checksum(packed) if family == socket.AF_INET else 0
    return packed[:2] + struct.pack("!H", checksum) + packed[4:]


def is_reply(family: socket.AddressFamily, packet: bytes, payload: bytes) -> bool:
    """Is it the reply to our request? Some systems (macOS) put the IP header before it."""
    if family == socket.AF_INET and packet[:1] and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 15) * 4 :]
    return packet[:1] == bytes([_REPLY[family]]) and packet[8:] == payload


def _checksum(packet: bytes) -> int:
    """RFC 1071."""
    words = struct.unpack(f"!{len(packet) // 2}H", packet)
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
