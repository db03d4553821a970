"""A gateway before a real qBittorrent, and clients of both that speak to them in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.watch_process import WatchProcess, start_watch

USERNAME: Final = "arr"
PASSWORD: Final = "gateway-password"
HEAD: Final = (
    "intake: {file: intake.yaml, instance: box}\n"
    f"gateway: {{username: {USERNAME}, password: {{env: GATEWAY_PASSWORD}}, shows: all}}\n"
)


class ApiClient:
    """A client of a Web API: a session that logs in as services do. It raises for no status."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.base = f"{url}/api/v2/"
        self.session = requests.Session()
        self.session.trust_env = False
        self.login = self.post("auth/login", username=username, password=password)

    def get(self, path: str, /, **parameters: Any) -> requests.Response:
        """Send a GET."""
        return self.session.get(self.base + path, params=parameters, timeout=30)

    def post(self, path: str, /, files: Any = None, **form: Any) -> requests.Response:
        """Send a POST."""
        return self.session.post(self.base + path, data=form, files=files, timeout=30)


@dataclass(frozen=True)
class GatewayWorld:
    """A server, a watch with a gateway before it, and a client of each."""

    server: QbittorrentServer
    home: Home
    watch: WatchProcess
    url: str
    direct: ApiClient
    gateway: ApiClient

    def connect(self) -> ApiClient:
        """Return another client of the gateway."""
        return ApiClient(self.url, USERNAME, PASSWORD)

    def ask_both(self, path: str, /, method: str = "get", **parameters: Any) -> tuple[requests.Response, ...]:
        """Send the same request to the server and to the gateway."""
        return tuple(getattr(client, method)(path, **parameters) for client in (self.direct, self.gateway))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds while the watch runs."""
        self.watch.wait_until(condition)


@contextmanager
def start_gateway(
    home: Home,
    server: QbittorrentServer,
    *torrents: str,
    head: str = HEAD,
    more: str = "",
    proxy: Proxy | None = None,
) -> Iterator[GatewayWorld]:
    """Start a watch with a gateway before a server, in a folder of its own.

    `torrents`: what is declared there; `more`: keys of the instance.
    With a proxy, the watch speaks to the server through it, and runs only when it is asked to.
    """
    home.environ["GATEWAY_PASSWORD"] = PASSWORD
    home.add_instance(proxy.url if proxy else server.url, server.username, server.password, more=more)
    home.write(*torrents, head=head)
    with start_watch(home, "--listen", "127.0.0.1:0", interval="600s" if proxy else "1s") as watch:
        url = wait_for_url(watch)
        direct = ApiClient(server.url, server.username, server.password)
        yield GatewayWorld(server, home, watch, url, direct, ApiClient(url, USERNAME, PASSWORD))
        watch.stop()


def wait_for_url(watch: WatchProcess) -> str:
    """Return the address that a watch says it listens on."""
    pattern = re.compile(r'"url": ?"(http://[^"]+)"')
    watch.wait_until(lambda: any("http listening" in line for line in watch.err))
    matches = (pattern.search(line) for line in watch.err if "http listening" in line)
    return next(match[1] for match in matches if match)
