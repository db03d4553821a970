"""The infohashes that identify a torrent."""

from __future__ import annotations

import re
from base64 import b32decode

from reconciler.model.lazy_dataclass import dataclass

V1_HEX = re.compile(r"[0-9a-f]{40}\Z")
V2_HEX = re.compile(r"[0-9a-f]{64}\Z")
V1_BASE32 = re.compile(r"[a-z2-7]{32}\Z")


@dataclass(frozen=True, slots=True)
class InfoHashes:
    """The v1 (40 hex digits) and v2 (64 hex digits) infohash of one torrent, lower case, at least one of them.

    A hybrid torrent has both. qBittorrent lists a torrent under its v1 hash, or, for v2 and hybrid torrents on
    libtorrent 2, under the first 40 digits of the v2 hash; and a hybrid that was added by its v1 hash alone is
    re-keyed when its metadata arrives. So a torrent is looked up under every id it could have.
    """

    v1: str | None = None
    v2: str | None = None

    def __post_init__(self) -> None:
        if not (self.v1 or self.v2):
            raise ValueError("a torrent needs at least one infohash")

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id under which an instance may list this torrent, the likeliest first."""
        if self.v1 and not self.v2:  # as most are
            return (self.v1,)
        v2 = (self.v2[:40], self.v2) if self.v2 else ()
        return v2 + ((self.v1,) if self.v1 else ())

    def __str__(self) -> str:
        """The hash that people know the torrent by: v1 where there is one, else the whole v2 hash."""
        return self.v1 or self.v2 or ""


def parse_infohash_text(text: str) -> InfoHashes | None:
    """The infohash that a text is, in hex or (v1 only) base32, in any case; None for any other text."""
    digits = text.lower()
    if V1_HEX.match(digits):
        return InfoHashes(v1=digits)
    if V2_HEX.match(digits):
        return InfoHashes(v2=digits)
    return InfoHashes(v1=decode_base32_hash(digits)) if V1_BASE32.match(digits) else None


def decode_base32_hash(digits: str) -> str:
    """The 40 hex digits of a v1 infohash in base32."""
    return b32decode(digits.upper()).hex()
