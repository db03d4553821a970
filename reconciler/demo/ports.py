"""Ports of loopback, for servers that others start beside ours at the same time."""

from __future__ import annotations

import socket


class HeldPort:
    """A free port that nobody else is given while we hold it, though the server that it is for may listen on it.

    Between a look for a free port and the start of its server, another process may find the same one: then two
    servers wait for one port, and whoever knocks meets the wrong one. A socket that is bound and does not listen keeps
    a port from everybody's "any free port"; a server that names it and reuses addresses, as qBittorrent does, gets it.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((host, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: it would share one itself
        self.number = int(self._socket.getsockname()[1])

    def release(self) -> None:
        """Others may have it."""
        self._socket.close()


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Does nobody listen there?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended take no port
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
