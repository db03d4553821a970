"""Instances as a desired state would describe them, for servers, proxies and stubs of these tests."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.desired import Instance
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from tests.support.proxy import Proxy


def make_instance(
    place: QbittorrentServer | Proxy | str, server: QbittorrentServer | None = None, **more: Any
) -> Instance:
    """An instance at a server, or at its proxy, with the credentials of the server."""
    url = place if isinstance(place, str) else place.url
    owner = place if isinstance(place, QbittorrentServer) else server
    values: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 20.0, **more}
    if owner and "api_key" not in values:
        values = {"username": owner.username, "password": Secret(owner.password), **values}
    return Instance("seedbox", Position("desired.yaml", 3, 3), url, **values)


def wait_for_endpoints(proxy: Proxy, count: int) -> list[str]:
    """Return the endpoints that a proxy recorded, once there are `count` of them."""
    end = time.monotonic() + 60
    while len(proxy.requests) < count and time.monotonic() < end:
        time.sleep(0.01)
    return [request.endpoint for request in proxy.requests]


StubAnswer = tuple[int, dict[str, str], bytes]
StubRequest = tuple[str, dict[str, str]]  # the endpoint and the form


@contextmanager
def serve_stub(answers: dict[str, StubAnswer], requests: list[StubRequest] | None = None) -> Iterator[str]:
    """Serve fixed answers by endpoint, and 404 for all others. Yields the URL. Appends each request to `requests`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its header

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            endpoint = self.path.rpartition("/api/v2/")[2]
            if requests is not None:
                requests.append((endpoint, dict(parse_qsl(form.decode(), keep_blank_values=True))))
            code, headers, body = answers.get(endpoint, (404, {}, b""))
            self.send_response(code)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                if value:
                    self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
            if "Content-Length" in headers:  # not the true one: nothing more comes
                self.close_connection = True

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def text_answer(body: str, code: int = 200) -> StubAnswer:
    """A plain text answer."""
    return code, {"Content-Type": "text/plain; charset=UTF-8"}, body.encode()


def json_answer(body: str) -> StubAnswer:
    """A JSON answer."""
    return 200, {"Content-Type": "application/json"}, body.encode()


OPTIONS_ROW: dict[str, Any] = {  # what a row of torrents/info says of options, on every version, where nobody set them
    "total_size": -1,
    "magnet_uri": "",
    "force_start": False,
    "seq_dl": False,
    "f_l_piece_prio": False,
    "super_seeding": False,
    "dl_limit": 0,
    "up_limit": 0,
    "ratio_limit": -2,
    "seeding_time_limit": -2,
}

QBITTORRENT_ANSWERS = {
    "auth/login": text_answer("Ok."),
    "app/version": text_answer("v5.1.0"),
    "app/webapiVersion": text_answer("2.11.4"),
    "torrents/info": json_answer("[]"),
    "torrents/categories": json_answer("{}"),
}


def is_saved(server: QbittorrentServer, key: str, *, stopped: bool = False) -> bool:
    """Return True once a server has saved for its next start that a torrent of one piece is complete.

    A server that ends before that, even in order, forgets it; likewise that the torrent is stopped.
    """
    file = server.profile / "qBittorrent/data/BT_backup" / f"{key}.fastresume"
    data = file.read_bytes() if file.exists() else b""
    is_stopped = b"12:auto_managedi0e" in data and b"6:pausedi1e" in data
    return b"6:pieces1:\x01" in data and (is_stopped or not stopped)


def write_torrent_file(folder: Path, name: str, data: bytes, source: str = "") -> tuple[str, Path]:
    """The infohash and the path of a new .torrent file for a single file of up to 64 KiB.

    Another `source` makes another torrent of the same content.
    """
    info = b"d6:lengthi%de4:name%d:%s12:piece lengthi65536e6:pieces20:%s6:source%d:%se" % (
        len(data),
        len(name.encode()),
        name.encode(),
        hashlib.sha1(data).digest(),
        len(source),
        source.encode(),
    )
    path = folder / f"{name}{source}.torrent"
    path.write_bytes(b"d4:info" + info + b"e")
    return hashlib.sha1(info).hexdigest(), path
