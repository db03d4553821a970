"""A VPN as a probe sees it: something that answers, or does not."""

from __future__ import annotations

import socket

from reconciler.demo.servers import ReservedPort


class Vpn:
    """A port that can refuse and accept connections, and that no other process can take meanwhile."""

    def __init__(self) -> None:
        self._held = ReservedPort("127.0.0.1")
        self.port = self._held.number
        self.up()

    def down(self) -> None:
        """Refuse connections from now on."""
        self._socket.close()

    def up(self) -> None:
        """Accept connections from now on."""
        self._socket = socket.create_server(("127.0.0.1", self.port))

    def gone(self) -> None:
        """Release the port."""
        self.down()
        self._held.release()
