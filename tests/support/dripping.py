"""A server that sends its reply byte by byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dripping_server(reply: bytes, pause: float) -> Iterator[int]:
    """Send the reply byte by byte, or whole without a pause, to one client after another; yield the port."""
    pieces = [bytes([byte]) for byte in reply] if pause else [reply]

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(pause)
            except OSError:
                if server.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
