"""Hostile requests to the gateway: each has an answer below 500, and the file of the intake stays valid."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.routing import Mount

from reconciler.desired import load
from reconciler.intake import IntakeStore
from reconciler.model.desired import DesiredState
from reconciler.model.intake import HandedIn
from reconciler.model.rows import Reply
from reconciler.model.tags import is_reserved_tag
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.gateway import write_endpoints
from reconciler.web.gateway.access import GatewayAccess
from reconciler.web.gateway.changing import CHANGE_CALLS
from reconciler.web.gateway.routes import make_gateway_app
from reconciler.web.status_board import StatusBoard
from tests.support.asgi_calls import PORT, AsgiAnswer, call_app
from tests.support.catalogues import StubRows, make_rows
from tests.support.fuzz.replies import ANSWERS, VALUES, Choices
from tests.support.magnets import make_infohash, make_magnet
from tests.support.memory_folders import MEMORY_FOLDER
from tests.support.torrents import make_torrent

DESIRED: Final = f"""\
version: 1
policy: sync
owner: me
instances: {{home: {{url: "http://home.invalid", path_map: {{/data: /mnt}}}}}}
categories: {{films: {{save_path: /data/films}}}}
intake: {{file: intake/intake.yaml, max_torrents: 20, max_delete: 3}}
gateway: {{trusted: 127.0.0.0/8, username: arr, password: secret, shows: all}}
torrents: [{{magnet: "{make_magnet(3)}"}}]
"""
METHODS: Final = ("POST", "POST", "POST", "POST", "GET", "GET", "HEAD", "PUT")
CALLS: Final = (
    *(f"torrents/{name}" for name in CHANGE_CALLS),
    *(f"torrents/{name}" for name in write_endpoints.WITHOUT_EFFECT),
    *(f"torrents/{name}" for name in write_endpoints.REFUSED),
    *(f"torrents/{name}" for name in ("add", "add", "add", "add", "delete", "filePrio", "deleteTags", "recheck")),
    *(f"torrents/{name}" for name in ("createCategory", "editCategory", "removeCategories", "reannounce")),
    *(f"torrents/{name}" for name in ("info", "properties", "files", "trackers", "webseeds", "categories", "tags")),
    *(f"torrents/{name}" for name in ("export", "count", "pieceHashes", "uploadLimit", "downloadLimit")),
    *("sync/maindata", "sync/torrentPeers", "transfer/info", "app/version", "app/preferences", "auth/login"),
    *("auth/logout", "app/setPreferences", "", "..", "torrents"),
)
NAMES: Final = (
    *("hashes", "hash", "id", "urls", "category", "categories", "tags", "name", "savePath", "savepath", "path", "tag"),
    *("location", "limit", "value", "enable", "ratioLimit", "seedingTimeLimit", "inactiveSeedingTimeLimit", "rid"),
    *("deleteFiles", "priority", "origUrl", "newUrl", "rename", "upLimit", "dlLimit", "autoTMM", "stopped", "peers"),
    *("downloadPath", "useDownloadPath", "downloadPathEnabled", "contentLayout", "stopCondition", "oldPath", "newPath"),
    *("shareLimitAction", "filter", "sort", "reverse", "offset", "indexes", "username", "password", "cookie", "forced"),
)
TEXTS: Final = (
    *("all", "*", "true", "false", "films", "a,b", "reconcile:x", "/data/x", "/mnt/y", "../../etc", "a: b", "- c"),
    *("{x: 1}", "'", '"', "a\n  torrents: []", "\u2028", "\u202e", "\x85", "#", "!!binary |", "&a *a", "~", "0x10"),
    *("%00", "%", "\x00", "\ud83d", "a" * 5000, "films/a", "-1", "6", "0|0", "Remove", "MetadataReceived", "Subfolder"),
    *(make_infohash(1), make_infohash(2), make_infohash(3), f"{make_infohash(1)}|{make_infohash(2)}", make_magnet(1)),
    *(make_magnet(7), make_magnet(8) + "&tr=http%3A%2F%2Fa%2Fkey", f"{make_magnet(9)}\n{make_infohash(10)}"),
    *("http://h.invalid/a.torrent", "http://a/announce", "http://a/announce|http://b/announce"),
    *VALUES,
)
DETAILS: Final = ("torrents/webseeds", "torrents/pieceHashes", "torrents/pieceStates", "torrents/export")
FILES: Final = (make_torrent(1), make_torrent(2, "v2"), make_torrent(3, name="../x"), b"", b"d4:infod4:name1:aee")


class FuzzedGateway:
    """A gateway in this process with two torrents that were handed in; its files are in memory, where there is such."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=MEMORY_FOLDER))
        self._file, self._intake_file = folder / "desired.yaml", folder / "intake" / "intake.yaml"
        self._file.write_text(DESIRED)
        self._intake_file.parent.mkdir()
        self._desired = self._load()
        self._intake = IntakeStore(lambda: self._desired)
        self._intake.open()
        self._intake.hand_in([HandedIn(link=make_magnet(number), keys={"category": "films"}) for number in (1, 2)])
        self._first_text = self._intake_file.read_bytes()
        self._load()  # it is valid
        details: dict[str, Any] = {name: [] for name in DETAILS}
        answers = {**ANSWERS, **details, "torrents/properties": {}, "sync/torrentPeers": {"rid": 1}}
        replies = {name: Reply(200, _encode(answer), "application/json") for name, answer in answers.items()}
        row = {**ANSWERS["torrents/info"][0], "infohash_v2": "", "magnet_uri": make_magnet(1)}
        rows = StubRows({"home": make_rows("home", row)}, {**replies})
        context = WebContext(StatusBoard(60.0), lambda: self._desired, intake=self._intake, rows=rows)
        access = GatewayAccess(lambda: self._desired.gateway)
        gateway = make_gateway_app(context, Catalogue(context), access, rows)
        self.app = Starlette(routes=[Mount("/api/v2", app=gateway)])

    def reset(self) -> None:
        """Begin again with the first torrents."""
        for path in self._intake_file.parent.glob("*.torrent"):
            path.unlink()
        self._intake_file.write_bytes(self._first_text)

    def check(self) -> None:
        """Check that the files are valid, and that nothing else was written."""
        names = {path.suffix for path in self._intake_file.parent.iterdir()}
        assert names <= {".yaml", ".torrent", ".lock"}, names
        if ".torrent" in names or self._intake_file.read_bytes() != self._first_text:  # else it is the valid beginning
            tags = {name for entry in self._load().torrents if entry.tags for name in entry.tags.names}
            assert not any(map(is_reserved_tag, tags)), tags

    def _load(self) -> DesiredState:
        return load([self._file], {})


def _encode(answer: Any) -> bytes:
    return answer.encode() if isinstance(answer, str) else to_json(answer)


@cache
def make_gateway() -> FuzzedGateway:
    """Return the gateway of this process."""
    write_endpoints.DELETION_TIMEOUT = 0.0  # type: ignore[misc]  # nobody carries out a deletion
    write_endpoints.PLACEMENT_TIMEOUT = 0.0  # type: ignore[misc]  # nobody places a torrent
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return FuzzedGateway()


def check_gateway(data: bytes) -> None:
    """Send up to four requests, as the bytes say."""
    gateway, choices = make_gateway(), Choices(data)
    gateway.reset()
    for _ in range(1 + choices.choose(4)):
        answer = send_request(gateway, choices)
        assert answer.status < 500 or answer.status == 501, answer  # of a method that 5.1 does not know
    gateway.check()


def check_add(fields: Mapping[str, str], file: bytes) -> None:
    """Send one `torrents/add` with a file and fields of any name."""
    gateway = make_gateway()
    gateway.reset()
    headers = {"content-type": "multipart/form-data; boundary=xx", "host": f"127.0.0.1:{PORT}"}
    body = make_multipart(fields, file)
    answer = call_app(gateway.app, "POST", "/api/v2/torrents/add", body, headers, peer="127.0.0.1")
    assert answer.status < 500, answer
    gateway.check()


def send_request(gateway: FuzzedGateway, choices: Choices) -> AsgiAnswer:
    """Send the request that the bytes mean."""
    method, call = METHODS[choices.choose(len(METHODS))], CALLS[choices.choose(len(CALLS))]
    fields = {}
    for _ in range(choices.choose(8)):
        text = TEXTS[choices.choose(len(TEXTS))] if choices.choose(8) else choices.rest.decode("latin-1")
        fields[NAMES[choices.choose(len(NAMES))]] = text
    encoded = urlencode(fields, errors="surrogatepass").encode()
    kind = choices.choose(6)
    if method != "POST":
        return call_app(gateway.app, method, f"/api/v2/{call}?{encoded.decode()}", peer="127.0.0.1")
    if kind < 3:
        body, media_type = encoded, "application/x-www-form-urlencoded"
    elif kind < 5:
        file = FILES[choices.choose(len(FILES))]
        body, media_type = make_multipart(fields, file), "multipart/form-data; boundary=xx"
    else:
        body, media_type = choices.rest, ("multipart/form-data; boundary=xx", "application/json", "")[len(encoded) % 3]
    headers = {"content-type": media_type, "host": f"127.0.0.1:{PORT}"}
    return call_app(gateway.app, "POST", f"/api/v2/{call}", body, headers, peer="127.0.0.1")


def make_multipart(fields: Mapping[str, str], file: bytes) -> bytes:
    """Return a form with a file."""
    parts = [(f'name="{name}"', text.encode(errors="surrogatepass")) for name, text in fields.items()]
    parts.append(('name="torrents"; filename="a.torrent"', file))
    body = b"".join(
        b"--xx\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
        for head, value in parts
    )
    return body + b"--xx--\r\n"


def make_gateway_seeds() -> Iterator[bytes]:
    """Yield bytes that mean some request to every call, and requests that declare tags, also reserved ones."""
    for number in sorted(map(CALLS.index, {*CALLS})):
        for method in (0, 4):
            yield bytes([0, method, number, 3, 1, 1, 0, 1, 30, number % len(NAMES), 1, 5, 12, 3, 2])
    for tags in ("a,b", "reconcile:x"):
        yield _write_request("torrents/addTags", hashes="all", tags=tags)
        yield _write_request("torrents/setTags", hashes="all", tags=tags)
        yield _write_request("torrents/add", urls=make_magnet(7), tags=tags)


def _write_request(call: str, **fields: str) -> bytes:
    """Return the bytes that mean one POST of these fields."""
    chosen = ((1, TEXTS.index(text), NAMES.index(name)) for name, text in fields.items())
    return bytes([0, METHODS.index("POST"), CALLS.index(call), len(fields), *chain.from_iterable(chosen)])
