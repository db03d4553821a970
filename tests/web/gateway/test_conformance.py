"""The gateway answers each call as qBittorrent 5.1.0 does, and the torrents become the same."""

from __future__ import annotations

import re
from collections import UserList
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
import qbittorrentapi
import requests
from ruamel.yaml import YAML

from reconciler.demo.servers import QbittorrentServer, ServerSettings
from reconciler.model.torrent_file import identify_torrent
from tests.support.gateway import HEAD, PASSWORD, USERNAME, ApiClient, start_gateway
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent

CASES: Final[list[dict[str, Any]]] = YAML(typ="safe").load(Path(__file__).with_name("conformance.yaml"))
FIRST: Final = 100  # the number of the torrent of the first case
TORRENT: Final = make_torrent(1)


@dataclass(frozen=True)
class Subject:
    """Something that speaks the Web API, with a client of it, and a bare client of the server that does the work."""

    url: str
    client: ApiClient
    raw: RawClient
    server: QbittorrentServer
    username: str
    password: str


@pytest.fixture(scope="module")
def servers() -> Iterator[list[QbittorrentServer]]:
    """Two servers of 5.1.0."""
    settings = ServerSettings(trusted_client="127.0.0.2")
    with QbittorrentServer("5.1.0", settings) as first, QbittorrentServer("5.1.0", settings) as second:
        yield [first, second]
        first.kill()
        second.kill()


@pytest.fixture(scope="module")
def real(servers: list[QbittorrentServer]) -> Subject:
    """A server by itself."""
    server = servers[0]
    client = ApiClient(server.url, server.username, server.password)
    return Subject(server.url, client, RawClient(server), server, server.username, server.password)


@pytest.fixture(scope="module")
def gateway(servers: list[QbittorrentServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A server behind a gateway."""
    home = Home(tmp_path_factory.mktemp("gateway"))
    home.environ |= {"XDG_STATE_HOME": str(home.folder / ".state"), "LC_ALL": "C.UTF-8"}
    with start_gateway(home, servers[1], head=f"{HEAD}guard: {{max_move: 50}}\n") as world:
        yield Subject(world.url, world.gateway, RawClient(servers[1]), servers[1], USERNAME, PASSWORD)


@pytest.fixture(params=["real", "gateway"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Either of the two, with a stopped torrent for each case."""
    subject: Subject = request.getfixturevalue(request.param)
    links = [make_magnet(FIRST + number) for number in range(len(CASES))]
    fields = {"urls": "\n".join(links), "stopped": "true", "autoTMM": "false"}
    files = {"torrents": ("file.torrent", TORRENT)}
    assert subject.client.post("torrents/add", files, **fields).text == "Ok."
    RawClient.wait_until(lambda: len(subject.raw.list_torrents()) == len(CASES) + 1)
    RawClient.wait_until(lambda: set(list_rows(subject.client)) == set(subject.raw.list_torrents()))
    return subject


def list_rows(client: ApiClient | RawClient) -> dict[str, dict[str, Any]]:
    """Return every torrent by its hash."""
    if isinstance(client, RawClient):
        return client.list_torrents()
    return {row["hash"]: row for row in client.get("torrents/info").json()}


def fill(form: Mapping[str, str], subject: Subject, number: int) -> dict[str, str]:
    """Put in what stands for something else."""
    values = {
        "{hash}": make_infohash(FIRST + number),
        "{file_hash}": str(identify_torrent(TORRENT).infohashes),
        "{unknown}": make_infohash(99),
        "{downloads}": str(subject.server.downloads),
        **{f"{{magnet_{other}}}": make_magnet(other) for other in range(900, 910)},
    }
    filled = dict(form)
    for mark, value in values.items():
        filled = {name: text.replace(mark, value) for name, text in filled.items()}
    return filled


def matches(row: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> bool:
    """True if a row shows what a case wants."""
    if row is None or wanted is None:
        return row is wanted
    return all(matches_value(row[key], value) for key, value in wanted.items())


def matches_value(value: Any, wanted: Any) -> bool:
    """True if a value of a row is what a case wants."""
    if isinstance(wanted, list):
        return {tag.strip() for tag in value.split(",")} - {"", "reconcile:home"} == set(wanted)
    if isinstance(wanted, str):
        return any(fnmatchcase(value, glob) for glob in wanted.split("|"))
    return bool(value == wanted)


def find_other_rows(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the cases whose torrents do not show what they should, with what they show."""
    other: dict[str, Any] = {}
    for number, case in enumerate(CASES):
        row, wanted = rows.get(make_infohash(FIRST + number)), case.get("row", {})
        if not matches(row, wanted):
            other[f"{number} {case['call']}"] = row and {key: row[key] for key in wanted or {}}
    return other


def test_every_call_is_answered_as_by_5_1_and_has_the_same_effect(subject: Subject) -> None:
    for number, case in enumerate(CASES):
        for call, form in case.get("before", ()):
            assert subject.client.post(f"torrents/{call}", **fill(form, subject, number)).status_code == 200
    answers, wanted = {}, {}
    for number, case in enumerate(CASES):
        name = f"{number} {case['call']}"
        answer = subject.client.post(f"torrents/{case['call']}", **fill(case["form"], subject, number))
        answers[name] = (answer.status_code, answer.text, answer.headers["content-type"].lower())
        wanted[name] = (*case.get("answer", (200, "")), "text/plain; charset=utf-8")
    assert answers == wanted
    for client in (subject.client, subject.raw):
        wait_for_rows(client)


def wait_for_rows(client: ApiClient | RawClient) -> None:
    """Wait until every torrent shows what its case wants, or say what it shows instead."""
    try:
        RawClient.wait_until(lambda: not find_other_rows(list_rows(client)))
    except AssertionError:
        assert find_other_rows(list_rows(client)) == {}


# --- qbittorrent-api, the client of most scripts, on both side by side

API_TORRENT: Final = make_torrent(2, trackers=["http://tracker.example/a"])
API_HASH: Final = str(identify_torrent(API_TORRENT).infohashes)
LINK_HASH: Final = make_infohash(1000)
UNKNOWN_HASH: Final = make_infohash(99)
ApiCall = Callable[[Any], Any]  # gets a `qbittorrentapi.Client`

CHANGES: Final[tuple[ApiCall, ...]] = (
    lambda client: client.torrents_add(
        urls=make_magnet(1000), is_stopped=True, category="api", tags=["x", "y"], use_auto_torrent_management=False
    ),
    lambda client: client.torrents_add(torrent_files=API_TORRENT, is_stopped=True, upload_limit=1000, ratio_limit=2),
    lambda client: client.torrents_add(urls=make_magnet(1000)),
    lambda client: client.torrents_add(torrent_files=b"nonsense"),
    lambda client: client.torrents_create_category("api2", save_path="/nowhere"),
    lambda client: client.torrents_create_category("api2"),
    lambda client: client.torrents_edit_category("api2", save_path="/elsewhere"),
    lambda client: client.torrents_edit_category("api3", save_path="/elsewhere"),
    lambda client: client.torrents_set_category("api2", API_HASH),
    lambda client: client.torrents_set_category("unknown", API_HASH),
    lambda client: client.torrents_create_tags("made"),
    lambda client: client.torrents_add_tags(["z"], LINK_HASH),
    lambda client: client.torrents_remove_tags(["y"], LINK_HASH),
    lambda client: client.torrents_set_tags(["only"], API_HASH),
    lambda client: client.torrents_delete_tags("z"),
    lambda client: client.torrents_set_share_limits(1.5, 100, -1, torrent_hashes=LINK_HASH),
    lambda client: client.torrents_set_download_limit(3000, API_HASH),
    lambda client: client.torrents_set_upload_limit(4000, API_HASH),
    lambda client: client.torrents_set_auto_management(False, API_HASH),
    lambda client: client.torrents_set_super_seeding(False, API_HASH),
    lambda client: client.torrents_toggle_sequential_download(API_HASH),
    lambda client: client.torrents_toggle_first_last_piece_priority(API_HASH),
    lambda client: client.torrents_rename(API_HASH, "Renamed"),
    lambda client: client.torrents_rename(UNKNOWN_HASH, "Renamed"),
    lambda client: client.torrents_add_trackers(LINK_HASH, ["http://tracker.example/a", "http://tracker.example/b"]),
    lambda client: client.torrents_edit_tracker(LINK_HASH, "http://tracker.example/a", "http://tracker.example/c"),
    lambda client: client.torrents_edit_tracker(LINK_HASH, "http://tracker.example/x", "http://tracker.example/y"),
    lambda client: client.torrents_remove_trackers(LINK_HASH, "http://tracker.example/b"),
    lambda client: client.torrents_start(LINK_HASH),
    lambda client: client.torrents_set_force_start(True, LINK_HASH),
    lambda client: client.torrents_stop(LINK_HASH),
    lambda client: client.torrents_reannounce(API_HASH),
    lambda client: client.torrents_top_priority(API_HASH),
    lambda client: client.torrents_bottom_priority(API_HASH),
    lambda client: client.torrents_increase_priority(API_HASH),
    lambda client: client.torrents_decrease_priority(API_HASH),
    lambda client: client.torrents_delete(True, UNKNOWN_HASH),
)
READS: Final[tuple[ApiCall, ...]] = (
    lambda client: client.app_version(),
    lambda client: client.app_web_api_version(),
    lambda client: client.app_build_info(),
    lambda client: client.app_default_save_path()[:1],
    lambda client: client.torrents_info(torrent_hashes=API_HASH),
    lambda client: client.torrents_info(status_filter="stopped", category="api2", sort="name", reverse=True, limit=1),
    lambda client: client.torrents_info(tag="only"),
    lambda client: client.torrents_info(tag="unknown"),
    lambda client: client.torrents_properties(API_HASH),
    lambda client: client.torrents_properties(UNKNOWN_HASH),
    lambda client: client.torrents_files(API_HASH),
    lambda client: client.torrents_files(UNKNOWN_HASH),
    lambda client: client.torrents_trackers(API_HASH),
    lambda client: client.torrents_trackers(UNKNOWN_HASH),
    lambda client: client.torrents_webseeds(API_HASH),
    lambda client: client.torrents_categories()["api2"]["name"],
    lambda client: "only" in client.torrents_tags(),
    lambda client: identify_torrent(client.torrents_export(API_HASH)).infohashes,  # its bytes have the time of the add
    lambda client: client.torrents_export(UNKNOWN_HASH),
    lambda client: client.torrents_count() > 1,
    lambda client: client.torrents_download_limit(API_HASH),
    lambda client: client.sync_maindata()["torrents"][API_HASH],
    lambda client: client.transfer_info(),
)
KINDS: Final[Mapping[type, str]] = {int: "number", float: "number", str: "text", bool: "flag"}
STABLE_KEYS: Final = (
    "name", "category", "tags", "auto_tmm", "seq_dl", "f_l_piece_prio", "force_start", "dl_limit", "up_limit", "size",
    "ratio_limit", "seeding_time_limit", "inactive_seeding_time_limit", "state", "progress", "total_size", "private",
    "infohash_v1", "infohash_v2", "trackers_count", "amount_left", "has_metadata", "download_path", "ratio",
)  # fmt: skip


def call_api(client: qbittorrentapi.Client, call: ApiCall) -> Any:
    """Return the result of a call, or the name of its exception."""
    try:
        return call(client)
    except qbittorrentapi.APIError as error:
        return type(error).__name__


def describe_shape(value: Any) -> Any:
    """Return a result without what differs between two servers: the numbers and texts of rows, but not their kinds."""
    if isinstance(value, Mapping):
        return {key: KINDS.get(type(item), item) for key, item in value.items()}
    return [describe_shape(item) for item in value] if isinstance(value, (list, UserList)) else value


def list_api_rows(subject: Subject) -> dict[str, dict[str, Any]]:
    """Return what stays of the rows of the torrents that this client has added."""
    rows = list_rows(subject.client)
    return {key: {name: rows[key][name] for name in STABLE_KEYS} for key in (LINK_HASH, API_HASH) if key in rows}


@pytest.fixture
def api_clients(real: Subject, gateway: Subject) -> Iterator[tuple[qbittorrentapi.Client, qbittorrentapi.Client]]:
    """The client with both."""
    clients = [
        qbittorrentapi.Client(
            host=subject.url, username=subject.username, password=subject.password, FORCE_SCHEME_FROM_HOST=True
        )
        for subject in (real, gateway)
    ]
    yield clients[0], clients[1]
    for client in clients:
        client.auth_log_out()


def test_qbittorrent_api_gets_the_same_from_both(
    real: Subject, gateway: Subject, api_clients: tuple[qbittorrentapi.Client, qbittorrentapi.Client]
) -> None:
    for number, call in enumerate(CHANGES):
        direct, through_gateway = (call_api(client, call) for client in api_clients)
        assert direct == through_gateway, number
    RawClient.wait_until(lambda: list_api_rows(gateway) == list_api_rows(real))
    RawClient.wait_until(lambda: len(list_api_rows(gateway)) == 2)
    for number, call in enumerate(READS):
        direct, through_gateway = (describe_shape(call_api(client, call)) for client in api_clients)
        assert direct == through_gateway, number


# --- the login

Exchange = tuple[str, str, dict[str, str], dict[str, str]]  # method, path, form and headers

LOGIN: Final[Exchange] = ("POST", "auth/login", {"username": "{username}", "password": "{password}"}, {})
VERSION: Final[Exchange] = ("GET", "app/version", {}, {})
EXCHANGES: Final[tuple[Exchange, ...]] = (
    VERSION,
    ("GET", "unknown/unknown", {}, {}),
    ("GET", "auth/login", {}, {}),
    ("POST", "auth/logout", {}, {}),
    ("POST", "auth/login", {"username": "{username}", "password": "wrong"}, {}),
    ("POST", "auth/login", {}, {}),
    LOGIN,
    VERSION,
    ("POST", "auth/login", {"username": "x", "password": "wrong"}, {}),  # the session needs no password
    ("GET", "app/version", {}, {"Origin": "http://elsewhere.example"}),
    ("GET", "app/version", {}, {"Referer": "http://elsewhere.example/page"}),
    ("GET", "app/version", {}, {"Origin": "null"}),
    ("GET", "app/version", {}, {"Host": "localhost:1"}),
    ("GET", "app/version", {}, {"Host": "localhost"}),
    ("HEAD", "app/version", {}, {}),
    ("PUT", "app/version", {}, {}),
    ("GET", "unknown/unknown", {}, {}),
    ("GET", "torrents/unknown", {}, {}),
    ("GET", "torrents/add", {}, {}),
    ("POST", "auth/logout", {}, {}),
    VERSION,
    *[("POST", "auth/login", {"username": "{username}", "password": "wrong"}, {})] * 6,
    LOGIN,
)


class SourceAddressAdapter(requests.adapters.HTTPAdapter):
    """Connects from one address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


def test_the_login_is_that_of_5_1(real: Subject, gateway: Subject) -> None:
    sessions = requests.Session(), requests.Session()
    for session in sessions:
        session.mount("http://", SourceAddressAdapter("127.0.0.3"))  # which is banned in the end
    for number, (method, path, form, headers) in enumerate(EXCHANGES):
        answers = []
        for subject, session in zip((real, gateway), sessions, strict=True):
            session.trust_env = False
            values = {"{username}": subject.username, "{password}": subject.password}
            filled = {name: values.get(text, text) for name, text in form.items()}
            answer = session.request(method, f"{subject.url}/api/v2/{path}", data=filled or None, headers=headers)
            text = "" if answer.text.startswith("v5.1.0") else answer.text
            cookie = re.sub("SID=[^;]+|expires=[^;]+", "", answer.headers.get("Set-Cookie", ""))
            answers.append((answer.status_code, text, answer.headers.get("Content-Type", "").lower(), cookie))
        assert answers[0] == answers[1], (number, method, path)
