"""The sidecars of the other shards, as they tell about themselves.

See docs/decisions/0168-one-page-shows-all-shards.md.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.secret import Secret
from reconciler.retry import Clock
from reconciler.web.auth import TokenError, TokenReader
from reconciler.web.client import (
    LoopStatus,
    StatusRequestError,
    build_endpoint_url,
    fetch_last_report,
    fetch_loop_status,
)
from reconciler.web.reported_findings import collect_reported_findings
from reconciler.web.sync_states import RunFindings

POLL_INTERVAL: Final = 5.0  # seconds between two requests to one peer, while somebody asks
IDLE_AFTER: Final = 60.0  # seconds without a reader, after which no peer is asked
FIRST_PATIENCE: Final = 1.0  # seconds for which a reader waits for the first answers
MAX_AT_ONCE: Final = 8  # peers that are asked at the same time
NOT_ASKED_YET: Final = "it has not answered yet"
_NO_FINDINGS: Final = RunFindings()


@dataclass(frozen=True, slots=True)
class Peer:
    """A sidecar of another shard at one address.

    `reason` says why it does not answer; "" if it does. `status` is the last one known, from `answered_at` (UTC), and
    `findings` are those of its last run, without any while it does not answer.
    """

    url: str
    status: LoopStatus | None = None
    findings: RunFindings = _NO_FINDINGS
    reason: str = NOT_ASKED_YET
    answered_at: datetime | None = None


class Peers(Protocol):
    """Reads the sidecars of the other shards. Safe from any thread."""

    def read(self) -> tuple[Peer, ...]:
        """Return all peers as they last answered, some seconds old."""


ResolveHost = Callable[[str, int], Sequence[str]]  # the addresses of a host name; raises `OSError`


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return all addresses of a host name. Raises `OSError`."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def check_peer_urls(urls: Sequence[str]) -> tuple[str, ...]:
    """Return the URLs without what follows the address. Raises `InvalidLoopUrl`."""
    return tuple(build_endpoint_url(url, "", "--peer") for url in urls)


class PeerReader:
    """Asks the peers in a thread while somebody reads them, however many readers there are.

    A URL whose name has several addresses stands for a peer at each of them, such as a headless service of Kubernetes.
    `own_id`: the `loop_id` of this process, which such a name includes too. `read_token` None: peers are asked without
    a token.
    """

    def __init__(
        self,
        urls: Sequence[str],
        own_id: str,
        read_token: TokenReader | None,
        clock: Clock,
        *,
        resolve: ResolveHost = resolve_host,
    ) -> None:
        self._urls, self._own_id, self._read_token, self._clock = urls, own_id, read_token, clock
        self._resolve = resolve
        self._condition = threading.Condition()
        self._peers = tuple(map(Peer, urls))
        self._is_asked = self._is_closed = False
        self._read_at = clock.now()
        self._thread: threading.Thread | None = None

    def read(self) -> tuple[Peer, ...]:
        """Return all peers as they last answered. Only the first reader after a while waits, for a second."""
        deadline = monotonic() + FIRST_PATIENCE
        with self._condition:
            self._read_at = self._clock.now()
            if self._thread is None and not self._is_closed:
                self._is_asked = False
                self._thread = threading.Thread(target=self._run, name="peers", daemon=True)
                self._thread.start()
            while not (self._is_asked or self._is_closed) and (seconds := deadline - monotonic()) > 0:
                self._condition.wait(seconds)
            return self._peers

    def close(self) -> None:
        """Ask no more."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            peers = self._ask_all()
            with self._condition:
                self._peers, self._is_asked = peers, True
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._is_closed, POLL_INTERVAL)
                if self._is_closed or self._clock.now() - self._read_at > IDLE_AFTER:
                    self._thread = None
                    return

    def _ask_all(self) -> tuple[Peer, ...]:
        known = {peer.url: peer for peer in self._peers}
        urls = dict.fromkeys(address for url in self._urls for address in self._list_addresses(url))
        try:
            token = self._read_token() if self._read_token else None
        except TokenError as error:
            return tuple(replace(known.get(url, Peer(url)), findings=_NO_FINDINGS, reason=str(error)) for url in urls)
        with ThreadPoolExecutor(MAX_AT_ONCE, "peer") as pool:
            peers = list(pool.map(lambda url: self._ask(known.get(url, Peer(url)), token), urls))
        return tuple(sorted((peer for peer in peers if not self._is_own(peer)), key=_rank_peer))

    def _list_addresses(self, url: str) -> list[str]:
        """Return a URL for each address of the host of a URL; the URL itself if there are not several."""
        parts = urlsplit(url)
        assert parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            addresses = self._resolve(parts.hostname, port)
        except OSError:
            return [url]  # asking it tells why
        if len(addresses) < 2:
            return [url]
        hosts = (f"[{address}]" if ":" in address else address for address in addresses)
        return [urlunsplit(parts._replace(netloc=f"{host}:{port}")) for host in hosts]

    def _ask(self, known: Peer, token: Secret | None) -> Peer:
        try:
            status, _ = fetch_loop_status(known.url, token)
            is_same_run = not known.reason and known.status and known.status.last_run == status.last_run
            if is_same_run:
                findings = known.findings
            elif status.last_run:
                findings = collect_reported_findings(fetch_last_report(known.url, token))
            else:
                findings = _NO_FINDINGS
        except StatusRequestError as error:
            return replace(known, findings=_NO_FINDINGS, reason=str(error))
        return Peer(known.url, status, findings, "", self._clock.utc())

    def _is_own(self, peer: Peer) -> bool:
        return peer.status is not None and peer.status.loop_id == self._own_id


def _rank_peer(peer: Peer) -> tuple[str, str]:
    return (peer.status.shard or "" if peer.status else "~", peer.url)
