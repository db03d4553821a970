"""A real nginx before a server, as people have it: TLS, a base path, and nginx's own defaults."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.demo.packages import DebianPackage, fetch_package
from reconciler.demo.servers import build_unpacked_command

NGINX_PACKAGE = DebianPackage("bookworm", name="nginx", program="usr/sbin/nginx")

# What qBittorrent's own wiki asks of a proxy: the Host header is the server's, not the proxy's.
CONFIG_TEMPLATE = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    location /apps/qbt/ {{ proxy_pass http://127.0.0.1:{behind}/; proxy_set_header Host 127.0.0.1:{behind}; {more} }}
  }}
}}
"""


class Nginx:
    """nginx on a free loopback port before the server on port `behind`; stopped at the end of the with-block.

    `more`: further directives of its location.
    """

    def __init__(self, backend_port: int, certificate: Path, folder: Path, more: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(
            CONFIG_TEMPLATE.format(
                folder=folder, port=self._port, certificate=certificate, behind=backend_port, more=more
            )
        )
        command = build_unpacked_command(fetch_package("nginx", NGINX_PACKAGE), NGINX_PACKAGE.program)
        self._process = subprocess.Popen(
            (*command, "-e", "stderr", "-p", str(folder), "-c", str(config)), stderr=subprocess.PIPE
        )

    @property
    def url(self) -> str:
        """Return the URL that it listens on."""
        return f"https://127.0.0.1:{self._port}/apps/qbt/"

    def __enter__(self) -> Self:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return self
            except OSError:
                running = self._process.poll() is None
                assert running, f"nginx ended: {self._process.communicate()[1].decode()}"
                assert time.monotonic() < end
                time.sleep(0.02)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()
