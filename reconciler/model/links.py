"""Trackers and web seeds: which URLs mean the same, where a torrent shows them, and how to show them to people.

A tracker URL may hold a passkey, which is a secret: whoever has it downloads in its owner's name.

See docs/decisions/0032-read-trackers-from-the-torrent-list-and-mask-them.md.
See docs/decisions/0035-a-tracker-replaces-others-of-its-host.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from reconciler.model.infohash import InfoHashes

TRACKERS: Final = "trackers"
WEB_SEEDS: Final = "web_seeds"
_MAGNET_KEYS: Final = {TRACKERS: "tr", WEB_SEEDS: "ws"}

_LINK_SEPARATOR = re.compile(r"&(?=(?:tr|ws)=)")  # qBittorrent 5.0 and 5.1 write web seeds with a bare "&" in them
HTTP_PORTS: Final = {"http": 80, "https": 443}  # the default port of each scheme
_DEFAULT_PORTS: Final = {**HTTP_PORTS, "ws": 80, "wss": 443}
_COMMON_TRACKER_SCHEMES: Final = frozenset({"http", "https", "udp"})
_PUBLIC_PATH_PARTS: Final = frozenset({"", "announce", "announce.php"})  # parts of a path that are no secret
_PASSKEY_LIKE: Final = r"(?i)(?=.*[0-9])[0-9a-z_-]{16,}"  # a label of a host; compiled when a run redacts the first URL
_TOKEN: Final = r"(?i)[0-9a-z_=+~-]{16,}"
_TOKEN_CHANGE: Final = r"(?i)[a-z][0-9]|[0-9][a-z]"
_MIN_TOKEN_CHANGES: Final = 3  # between letters and digits: names have fewer
_URL_START: Final = r"(?i)[a-z][a-z0-9+.-]+:/"
_MASK: Final = "***"
_MASKED_PART: Final = "~"
_MASKED_LABEL: Final = "masked0"  # with a hash it looks like a passkey, and is masked in reports
_MASK_DIGITS: Final = r"[0-9a-f]{10}"


def extract_links(magnet_uri: str) -> str:
    """The part of the magnet link of a live torrent that holds its trackers and web seeds, as few as possible."""
    separator = _LINK_SEPARATOR.search(magnet_uri)
    return magnet_uri[separator.start() :] if separator else ""


def parse_link_urls(links: str, field: str) -> list[str]:
    """Return the trackers or the web seeds in the result of `extract_links`."""
    prefix = _MAGNET_KEYS[field] + "="
    parts = (link for link in _LINK_SEPARATOR.split(links) if link.startswith(prefix))
    return [unquote(link[len(prefix) :]) for link in parts]


def find_missing_urls(wanted: Iterable[str], links: str, field: str) -> tuple[str, ...]:
    """Return the wanted URLs that a torrent does not have, in their order."""
    end = "/" if field == WEB_SEEDS else ""  # qBittorrent ends the web seed of a folder with one
    present = {normalize_url(url.rstrip(end) if end else url) for url in parse_link_urls(links, field)}
    return tuple(url for url in wanted if normalize_url(url.rstrip(end) if end else url) not in present)


def find_excess_trackers(present: Iterable[str], declared: Iterable[str], *, only: bool) -> tuple[str, ...]:
    """Return the present trackers that the declared ones replace; with `only`, all that are not declared.

    A tracker is replaced by one of the same scheme, host and port: it differs in path, query or login, as with another
    passkey.
    """
    wanted = {normalize_url(url) for url in declared}
    origins = {_find_origin(url) for url in wanted}
    undeclared = (url for url in present if normalize_url(url) not in wanted)
    return tuple(url for url in undeclared if only or _find_origin(normalize_url(url)) in origins)


def deduplicate_urls(urls: Iterable[str]) -> tuple[str, ...]:
    """Return the URLs without duplicates, by what they mean."""
    return tuple({normalize_url(url): url for url in reversed(list(urls))}.values())[::-1]


def append_links(magnet_uri: str, trackers: Sequence[str], web_seeds: Sequence[str]) -> str:
    """Return the magnet link with the trackers and web seeds that it lacks."""
    if not (trackers or web_seeds):
        return magnet_uri
    links = extract_links(magnet_uri)
    for field, urls in ((TRACKERS, trackers), (WEB_SEEDS, web_seeds)):
        added = find_missing_urls(deduplicate_urls(urls), links, field)
        magnet_uri += "".join(f"&{_MAGNET_KEYS[field]}={quote(url, safe='')}" for url in added)
    return magnet_uri


def build_magnet(infohashes: InfoHashes, name: str, trackers: Sequence[str] = (), web_seeds: Sequence[str] = ()) -> str:
    """A magnet link that names this torrent and no other."""
    topics = [f"xt=urn:btih:{infohashes.v1}"] if infohashes.v1 else []
    topics += [f"xt=urn:btmh:1220{infohashes.v2}"] if infohashes.v2 else []
    return append_links("magnet:?" + "&".join([*topics, f"dn={quote(name, safe='')}"]), trackers, web_seeds)


def has_likely_passkey(tracker: str) -> bool:
    """True if the URL looks as if it holds a passkey: a longer path than `/announce`, a query, or a login."""
    try:
        parts = urlsplit(tracker)
    except ValueError:
        return True
    return bool(parts.query or parts.username or parts.path.strip("/").removesuffix("announce").strip("/"))


def has_common_tracker_scheme(tracker: str) -> bool:
    """True for a tracker over HTTP or UDP; False for one over WebSocket (`wss:`)."""
    return tracker.partition(":")[0].lower() in _COMMON_TRACKER_SCHEMES


def redact_url(url: str) -> str:
    """The URL without whatever could be a passkey: scheme, host and port, `***` for the rest of it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _MASK
    host = ".".join(
        _MASK if re.fullmatch(_PASSKEY_LIKE, label) else label for label in (parts.hostname or "").split(".")
    )
    path = "/".join(step if step in _PUBLIC_PATH_PARTS else _MASK for step in parts.path.split("/"))
    query = f"?{_MASK}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{path}{query}"


def _find_origin(normalized_url: str) -> str:
    """Return scheme, host and port of a normalized URL."""
    scheme, _, rest = normalized_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"


@lru_cache(maxsize=4096)  # thousands of torrents have the same trackers
def mask_url(url: str) -> str:
    """The URL with a short hash for each part that `redact_url` masks, so that equal URLs stay equal.

    40 bits show that a passkey has changed, and are far too few to find one out. A masked URL stays as it is, and
    `redact_url` shows it like the URL itself.
    """
    try:
        parts, shown = urlsplit(url.strip()), urlsplit(redact_url(url))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _hash_part(url)
    if not (parts.scheme and parts.netloc):
        return _hash_part(url)
    host, shown_host = parts.hostname or "", shown.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    else:
        labels = zip(host.split("."), shown_host.split("."), strict=False)
        host = ".".join(label if label == seen else _hash_part(label, _MASKED_LABEL) for label, seen in labels)
    steps = zip(parts.path.split("/"), shown.path.split("/"), strict=False)
    path = "/".join(step if step == seen else _hash_part(unquote(step)) for step, seen in steps)
    login = f"{_hash_part(parts.netloc.rpartition('@')[0])}@" if "@" in parts.netloc else ""
    query = f"?{_hash_part(unquote(parts.query))}" if parts.query else ""
    return f"{parts.scheme}://{login}{host}{port}{path}{query}"


def _hash_part(text: str, prefix: str = _MASKED_PART) -> str:
    digits = text.removeprefix(prefix)
    if digits != text and re.fullmatch(_MASK_DIGITS, digits):
        return text
    return prefix + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]


def redact_path(path: str) -> str:
    """The path of a file or of a Web API, with `***` for what looks like a token, a passkey or a whole URL."""
    if re.match(_URL_START, path):
        return _MASK
    return "/".join(_MASK if _is_token_like(step) else step for step in path.partition("?")[0].split("/"))


def _is_token_like(text: str) -> bool:
    return bool(re.fullmatch(_TOKEN, text)) and len(re.findall(_TOKEN_CHANGE, text)) >= _MIN_TOKEN_CHANGES


def redact_api_url(url: str) -> str:
    """The URL of a Web API without credentials; a part of its path may be the key of a proxy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{redact_path(parts.path)}"


@lru_cache(maxsize=4096)
def normalize_url(url: str) -> str:
    """A URL as it is compared: qBittorrent may write its host in lower case, and its escapes in another way."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").lower()
    shown = f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme) else ""
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    path = unquote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return f"{parts.scheme}://{login}{host}{shown}{path}"
