"""The torrents of all instances as rows of qBittorrent's Web API, for those who show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final, Protocol

from reconciler.model.lazy_dataclass import dataclass

Row = Mapping[str, Any]
"""A torrent as `torrents/info` returns it, with the keys and units of the instance's version. Never changed."""


NO_ETA: Final = 8_640_000  # seconds: the `eta` of a row for never or unknown (4.2 to 5.3)


FIRST_READ: Final = "it has not been read yet"  # the reason while an instance is read for the first time, or again


@dataclass(frozen=True, slots=True)
class InstanceRows:
    """One instance as it was last read.

    `rows` by their `hash`; `is_read` False if it could not be read, for `reason`: the rows are then the last known.
    `server_state`, `categories` and `tags` are those of `sync/maindata`. The same rows are the same objects as the last
    time, so a change is found by identity.
    """

    name: str
    rows: Mapping[str, Row] = field(default_factory=dict, repr=False)
    server_state: Mapping[str, Any] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    version: str = ""
    web_api: str = ""
    is_read: bool = False
    reason: str = ""
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of an instance to one request. It may contain passkeys, as the rows of torrents do."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""


class InstanceUnavailable(Exception):
    """An instance did not answer, or is not asked now; the message says why, without a secret."""


class LiveRows(Protocol):
    """Reads the rows of all instances, whatever the number of clients. Safe from any thread."""

    def read(self, *, is_urgent: bool = False) -> Mapping[str, InstanceRows]:
        """Return the rows of every declared instance, a few seconds old: at most one request to each per 2 s.

        Only the first client after a while waits for them, for some seconds. `is_urgent`: a person is waiting, and
        gets at once what there is, which may be old: `read_at` says so.
        """

    def get_known(self) -> Mapping[str, InstanceRows]:
        """Return what was last read for a client, at once: no request is sent, and nothing is kept fresh for it."""

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Send one GET, such as `torrents/files`, to an instance. Raises `InstanceUnavailable`."""

    def send(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Send one POST that changes nothing declared: `torrents/recheck` or `torrents/reannounce`. Not repeated.

        Raises `InstanceUnavailable`.
        """
