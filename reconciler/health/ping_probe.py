"""ICMP echo without privileges: a datagram socket, where the system allows one."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Final

from reconciler.model.health import HealthState, ProbeResult

_ECHO_REQUEST_TYPES: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_ECHO_REPLY_TYPES: Final = {socket.AF_INET: 0, socket.AF_INET6: 129}
_ICMP_PROTOCOLS: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_PING_HINT: Final = (
    "Allow it with the sysctl net.ipv4.ping_group_range (it must hold the group that reconcile runs as, as in "
    '"0 2147483647"), or use a tcp probe'
)


def ping(host: str, timeout: float) -> ProbeResult:
    """Send one echo request and wait for its reply. Raises `OSError`, or `TimeoutError`."""
    family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0]
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM, _ICMP_PROTOCOLS[socket.AddressFamily(family)])
    except PermissionError:
        return ProbeResult(HealthState.NOT_CONFIGURED, "this system does not allow us to send a ping", _PING_HINT)
    with opened as link:
        return _exchange_echo(link, address, socket.AddressFamily(family), timeout)


def _exchange_echo(
    connection: socket.socket, address: object, family: socket.AddressFamily, timeout: float
) -> ProbeResult:
    payload = os.urandom(16)
    connection.connect(address)  # type: ignore[arg-type]  # as getaddrinfo gives it for this family
    connection.send(build_echo_request(family, payload))
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        connection.settimeout(left)
        if is_echo_reply(family, connection.recv(2048), payload):
            return ProbeResult(HealthState.OK, "answers")
    raise TimeoutError


def build_echo_request(family: socket.AddressFamily, payload: bytes) -> bytes:
    """Return an echo request. The kernel sets the identifier and the checksum (on Linux: for both families)."""
    head = struct.pack("!BBHHH", _ECHO_REQUEST_TYPES[family], 0, 0, 0, 1)
    packed = head + payload
    checksum = _compute_checksum(packed) if family == socket.AF_INET else 0
    return packed[:2] + struct.pack("!H", checksum) + packed[4:]


def is_echo_reply(family: socket.AddressFamily, packet: bytes, payload: bytes) -> bool:
    """True if the packet is the reply to our request. Some systems (macOS) put the IP header in front of it."""
    if family == socket.AF_INET and packet[:1] and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 15) * 4 :]
    return packet[:1] == bytes([_ECHO_REPLY_TYPES[family]]) and packet[8:] == payload


def _compute_checksum(packet: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    words = struct.unpack(f"!{len(packet) // 2}H", packet)
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
