"""Magnet links: the torrent that a link identifies, and the exact text that is sent to qBittorrent.

The formats are defined in BEP 9 (v1 hashes, trackers, web seeds) and BEP 52 (v2 hashes as multihashes).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import field
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

from reconciler.model.infohash import V1_BASE32, V1_HEX, V2_HEX, InfoHashes, decode_base32_hash
from reconciler.model.lazy_dataclass import dataclass

_MAGNET_PREFIX = "magnet:?"
_HEX: Final = r"[0-9a-f]+"  # this and what follows: text, because few runs need it compiled
_CONTROL_CHARACTERS: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"  # none is printable
_NUMBERED_KEY: Final = r"(xt|dn|tr|ws)\.[0-9]*"
_BAD_ESCAPE: Final = r"%(?![0-9A-Fa-f]{2})"
_SHA256_MULTIHASH = "1220"  # multihash prefix: function 0x12 (SHA-256), length 0x20 (32 bytes)
_CANONICAL_LINK = re.compile(
    r"magnet:\?xt=urn:btih:(?!0{40})([0-9a-f]{40})"
    r"(?:&dn=([!-%'-~]*))?((?:&(?:tr|ws)=[!-%'-~]*)*)\Z"  # printable, without "&"
)
_decode_value = lru_cache(maxsize=1024)(unquote_plus)  # thousands of links share a handful of trackers


class MagnetError(ValueError):
    """The text is not a magnet link that identifies exactly one torrent.

    The message is one clause without a full stop, and never contains the link or its trackers (passkeys).
    """


@dataclass(frozen=True, slots=True)
class Magnet:
    """A checked magnet link.

    `uri` is what is sent to qBittorrent: lower-case scheme, infohashes in lower-case hex and first, every other
    parameter kept in its order. It and the trackers may contain passkeys, so neither is in the `repr`. `name` is for
    people only; it comes from the link, not from the torrent.
    """

    uri: str = field(repr=False)
    infohashes: InfoHashes
    name: str | None = None
    trackers: tuple[str, ...] = field(default=(), repr=False)
    web_seeds: tuple[str, ...] = field(default=(), repr=False)


def parse_magnet(text: str) -> Magnet:
    """Parse and check a magnet link. Raises `MagnetError`."""
    if canonical := _CANONICAL_LINK.match(text):  # fast path for most entries
        v1_hash, name, links = canonical.groups()
        trackers, web_seeds = _read_links(links) if links else ((), ())
        return Magnet(text, InfoHashes(v1_hash), _decode_name(name) if name else None, trackers, web_seeds)
    _refuse_other_text(text)
    v1: str | None = None
    v2: str | None = None
    kept: list[str] = []
    values: dict[str, list[str]] = {"dn": [], "tr": [], "ws": []}
    for parameter in text[len(_MAGNET_PREFIX) :].split("&"):
        raw_key, equals, raw = parameter.partition("=")
        key = _normalize_key(raw_key)
        if key == "xt" and (topic := _parse_topic(raw)):
            is_v1, value = topic
            if is_v1:
                v1 = _check_same_hash(v1, value, "btih")
            else:
                v2 = _check_same_hash(v2, value, "btmh")
        elif parameter:
            kept.append((raw_key.lower() if key else raw_key) + equals + raw.replace(" ", "%20"))
            if key in values and raw:
                values[key].append(_decode_value(raw))
    if not (v1 or v2):
        raise MagnetError('it identifies no torrent: it has no "xt=urn:btih:…" or "xt=urn:btmh:1220…"')
    topics = ([f"xt=urn:btih:{v1}"] if v1 else []) + ([f"xt=urn:btmh:{_SHA256_MULTIHASH}{v2}"] if v2 else [])
    return Magnet(
        uri=_MAGNET_PREFIX + "&".join(topics + kept),
        infohashes=InfoHashes(v1, v2),
        name=next((name for dn in reversed(values["dn"]) if (name := clean_name(dn))), None),
        trackers=tuple(values["tr"]),
        web_seeds=tuple(values["ws"]),
    )


def _decode_name(raw: str) -> str | None:
    return clean_name(unquote_plus(raw)) if "%" in raw else raw.replace("+", " ").strip() or None


@lru_cache(maxsize=1024)
def _read_links(parameters: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the trackers and the web seeds of the end of a link, like `&tr=…&ws=…`."""
    links = [(parameter[:2], _decode_value(parameter[3:])) for parameter in parameters.split("&")[1:]]
    trackers, web_seeds = (tuple(link for key, link in links if key == wanted and link) for wanted in ("tr", "ws"))
    return trackers, web_seeds


def remove_trackers(uri: str, trackers: Collection[str]) -> str:
    """Return the link of a `Magnet` without these of its trackers."""
    topic, *parameters = uri.split("&")
    return "&".join([topic, *(text for text in parameters if _parse_tracker(text) not in trackers)])


def _parse_tracker(parameter: str) -> str | None:
    raw_key, _, raw = parameter.partition("=")
    return _decode_value(raw) if _normalize_key(raw_key) == "tr" else None


def _refuse_other_text(text: str) -> None:
    """Refuse any text but a single `magnet:?…` link on one line, and say what it looks like."""
    if "\n" in text or "\r" in text:
        # qBittorrent accepts a list of links, one a line: a line break would smuggle in another
        raise MagnetError("it contains a line break")
    if not text.isprintable() and re.search(_CONTROL_CHARACTERS, text):
        raise MagnetError("it contains a control character")
    if text != text.strip():
        raise MagnetError("it has spaces around it")
    lower = text.lower()
    if lower.startswith(_MAGNET_PREFIX):
        if "&amp;" in lower:
            raise MagnetError('it has "&amp;" (from a web page) where "&" belongs')
        return
    if not text:
        raise MagnetError("it is empty")
    if lower.startswith(("http:", "https:", "ftp:", "udp:", "file:", "bc:")):
        raise MagnetError(f'it is {_add_article(lower)} link, and a magnet link begins with "magnet:?xt="')
    if V1_HEX.match(lower) or V1_BASE32.match(lower):
        raise MagnetError('it is a bare infohash: put "magnet:?xt=urn:btih:" before it')
    if V2_HEX.match(lower):
        raise MagnetError('it is a bare v2 infohash: put "magnet:?xt=urn:btmh:1220" before it')
    raise MagnetError('a magnet link begins with "magnet:?xt="')


def _add_article(link: str) -> str:
    scheme = link.partition(":")[0]
    return f"an {scheme}" if scheme in ("http", "https", "ftp") else f"a {scheme}"


def _normalize_key(raw_key: str) -> str:
    """Return a parameter's name in lower case without its number (`TR.2` is `tr`); "" for one that is not read."""
    key = raw_key.lower()
    if key in ("xt", "dn", "tr", "ws"):
        return key
    if numbered := re.fullmatch(_NUMBERED_KEY, key):
        return numbered[1]
    # libtorrent ignores `xt.x`, other clients do not: every topic must agree with the others
    return "xt" if key.startswith("xt.") else ""


def _parse_topic(raw: str) -> tuple[bool, str] | None:
    """Return (True for v1, hash in lower-case hex) of one `xt` value; None for the hash of another network."""
    if re.search(_BAD_ESCAPE, raw):
        raise MagnetError('its xt has a "%" without two hex digits after it')
    value = unquote_plus(raw).lower()
    if value.startswith("urn:btih:"):
        digits = value[len("urn:btih:") :]
        return True, _refuse_zeros(_parse_v1_hash(digits))
    if value.startswith("urn:btmh:"):
        digits = value[len("urn:btmh:") :]
        return False, _refuse_zeros(_parse_v2_hash(digits))
    return None


def _parse_v1_hash(digits: str) -> str:
    if V1_HEX.match(digits):
        return digits
    if V2_HEX.match(digits) or (digits.startswith(_SHA256_MULTIHASH) and V2_HEX.match(digits[4:])):
        raise MagnetError('its btih is a v2 infohash: those are written "xt=urn:btmh:1220" and 64 hex digits')
    if len(digits) == 32 and V1_BASE32.match(digits):
        return decode_base32_hash(digits)
    if re.fullmatch(_HEX, digits):
        many = "1 hex digit" if len(digits) == 1 else f"{len(digits)} hex digits"
        raise MagnetError(f"its btih has {many}: a v1 infohash is 40 hex digits or 32 of base32 (a-z, 2-7)")
    if len(digits) in (32, 40):
        kind = "40 hex digits (0-9, a-f)" if len(digits) == 40 else "32 of base32 (a-z, 2-7)"
        raise MagnetError(f"its btih has characters that are not allowed in {kind}")
    raise MagnetError(f"its btih has {len(digits)} characters: a v1 infohash is 40 hex digits or 32 of base32")


def _parse_v2_hash(digits: str) -> str:
    if not digits.startswith(_SHA256_MULTIHASH):
        raise MagnetError('its btmh is not a SHA-256 hash: it must be "1220" followed by 64 hex digits')
    hash_digits = digits[len(_SHA256_MULTIHASH) :]
    if V2_HEX.match(hash_digits):
        return hash_digits
    if len(hash_digits) == 64:
        raise MagnetError('its btmh has characters that are not hex digits after "1220"')
    raise MagnetError(f'its btmh has {len(hash_digits)} characters after "1220": a v2 infohash is 64 hex digits')


def _refuse_zeros(digits: str) -> str:
    if not digits.strip("0"):
        raise MagnetError("its infohash is all zeros, which identifies no torrent")
    return digits


def _check_same_hash(previous: str | None, value: str, kind: str) -> str:
    if previous is not None and previous != value:
        raise MagnetError(f"it identifies two torrents: two different {kind} hashes")
    return value


def clean_name(text: str) -> str | None:
    """Return a display name on one line, or None for an empty one."""
    return (text if text.isprintable() else re.sub(_CONTROL_CHARACTERS, " ", text)).strip() or None
