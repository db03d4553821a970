"""Which request of which instance is meant, for the texts of errors."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.model.desired import Instance

LOGIN = "auth/login"


class UnexpectedReply(Exception):
    """An answer that qBittorrent never gives. The text continues "ENDPOINT at URL …" and quotes nothing secret."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which request an error belongs to, and of which instance."""

    instance: Instance
    endpoint: str

    @property
    def name(self) -> str:
        """What the user calls the instance."""
        return self.instance.name

    @property
    def origin(self) -> str:
        """Scheme, host and port: all of the URL that an error shows."""
        parts = urlsplit(self.instance.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def at(self) -> str:
        """The beginning of most messages: instance, endpoint, and where that is."""
        return f"{self.name}: {self.endpoint} at {self.origin}"
