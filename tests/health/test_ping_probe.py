"""ICMP echo: the packets as RFC 792 and RFC 4443 have them, and the system's own loopback."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.ping_probe import build_echo_request, is_echo_reply, ping
from reconciler.model.health import HealthState

PAYLOAD = bytes(range(16))


def allowed(family: socket.AddressFamily) -> bool:
    """Return True if the system permits ICMP sockets."""
    protocol = socket.IPPROTO_ICMP if family is socket.AF_INET else socket.IPPROTO_ICMPV6
    try:
        socket.socket(family, socket.SOCK_DGRAM, protocol).close()
    except OSError:
        return False
    return True


def test_loopback_answers_or_it_is_said_what_the_system_forbids() -> None:
    answer = ping("127.0.0.1", 5.0)
    if allowed(socket.AF_INET):
        assert answer.state is HealthState.OK
    else:
        assert (answer.state, answer.text) == (
            HealthState.NOT_CONFIGURED,
            "this system does not allow us to send a ping",
        )
        assert "net.ipv4.ping_group_range" in answer.hint


@given(st.binary(min_size=16, max_size=16))
def test_the_checksum_is_right(payload: bytes) -> None:
    packet = build_echo_request(socket.AF_INET, payload)
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


@pytest.mark.parametrize(
    ("packet", "ours"),
    [
        (struct.pack("!BBHHH", 0, 0, 0, 7, 1) + PAYLOAD, True),
        (struct.pack("!BBHHH", 8, 0, 0, 7, 1) + PAYLOAD, False),  # a request
        (struct.pack("!BBHHH", 3, 1, 0, 0, 0) + PAYLOAD, False),  # unreachable
        (struct.pack("!BBHHH", 0, 0, 0, 7, 1) + PAYLOAD[::-1], False),  # somebody else's
        (b"\x45" + bytes(19) + struct.pack("!BBHHH", 0, 0, 0, 7, 1) + PAYLOAD, True),  # with its IP header
        (b"", False),
    ],
)
def test_only_our_reply_counts(packet: bytes, ours: bool) -> None:
    assert is_echo_reply(socket.AF_INET, packet, PAYLOAD) is ours


def test_version_6_has_other_types() -> None:
    assert build_echo_request(socket.AF_INET6, PAYLOAD)[0] == 128
    assert is_echo_reply(socket.AF_INET6, struct.pack("!BBHHH", 129, 0, 0, 7, 1) + PAYLOAD, PAYLOAD)
