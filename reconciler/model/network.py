"""What an instance says of its own network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkState:
    """Only what was asked for is known; the rest is None.

    `interface`: the one it is bound to, "" for any; `interface_name`: what it shows to people for it; `interfaces`:
    those that its machine has. `addresses`: under which it was last seen from outside, empty as long as it has not
    learnt of any; None where this version does not tell.
    """

    interface: str | None = None
    interface_name: str | None = None
    interfaces: tuple[str, ...] | None = None
    connection_status: str | None = None
    addresses: tuple[str, ...] | None = None
