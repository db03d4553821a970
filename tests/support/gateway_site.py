"""A watch with a gateway before real servers: the real command as a process, and clients that speak to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests

from tests.support.home import Home
from tests.support.watch_process import WatchProcess, start_watch

USERNAME: Final = "arr"
PASSWORD: Final = "gateway-password"
API_KEY: Final = "qbt_0123456789abcdefghijklmnopqr"
_TIMEOUT: Final = 30  # seconds


@dataclass(frozen=True)
class GatewaySite:
    """A watch that listens. `url`: where its clients reach it."""

    home: Home
    watch: WatchProcess
    url: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request without credentials, with a body in JSON if there is one."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, json=body, headers=headers, timeout=_TIMEOUT)


def make_head(target: str = "box", services: Mapping[str, Any] | None = None, **gateway: Any) -> str:
    """Return the keys of a desired state that declare an intake and a gateway."""
    settings = {
        "username": USERNAME,
        "password": {"env": "GATEWAY_PASSWORD"},
        "api_key": {"env": "GATEWAY_KEY"},
        **({"services": services} if services else {}),
        **gateway,
    }
    return f"intake: {{file: intake.yaml, instance: {target}}}\ngateway: {json.dumps(settings)}"


@contextmanager
def start_gateway(home: Home, *torrents: str, interval: str = "1m", **declared: Any) -> Iterator[GatewaySite]:
    """Start a watch on the instances of `home`, and yield it when it has read them. `declared`: see `make_head`.

    With an interval that long, only what a service does causes a run.
    """
    home.environ |= {"GATEWAY_PASSWORD": PASSWORD, "GATEWAY_KEY": API_KEY}
    home.write(*torrents, head=make_head(**declared))
    with start_watch(home, "--listen", "127.0.0.1:0", interval=interval) as watch:
        watch.wait_until(lambda: watch.has_logged("http listening"))
        url = next(line["url"] for line in watch.log if line["event"] == "http listening")
        site = GatewaySite(home, watch, url)
        watch.wait_until(lambda: site.send("GET", "/healthz/ready").ok)
        yield site
