"""A run on a server with distorted answers: it ends in an error of that instance, at most."""

from __future__ import annotations

import io
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest import mock

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from reconciler.desired import load
from reconciler.engine.observation import OpenTarget
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.run import Status
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.inspector import Inspector
from reconciler.report.json.run import write_run
from reconciler.report.markdown import render_run_markdown
from reconciler.report.text.run import render_run
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.instances import OPTIONS_ROW
from tests.support.magnets import make_infohash, make_magnet

ROW: Final[dict[str, Any]] = {
    "hash": make_infohash(1),
    "infohash_v1": make_infohash(1),
    "infohash_v2": "",
    "name": "a",
    "state": "stalledUP",
    "category": "films",
    "tags": "reconcile:default, x",
    "save_path": "/d",
    "content_path": "/d/a",
    "auto_tmm": False,
    "progress": 1.0,
    "size": 9,
    "num_seeds": 0,
    "num_complete": 0,
    "eta": 8_640_000,
    "ratio": 1.0,
    "dlspeed": 0,
    "upspeed": 0,
    "inactive_seeding_time_limit": -2,
    "share_limit_action": "Default",
    "share_limits_mode": "Default",
    "download_path": "",
    "comment": "",
    "tracker": "",
    **OPTIONS_ROW,
}
CATEGORIES: Final = {"films": {"name": "films", "savePath": "/d", "download_path": False}}
ANSWERS: Final[Mapping[str, Any]] = {
    "torrents/info": [
        ROW,
        {**ROW, "hash": make_infohash(3), "infohash_v1": make_infohash(3), "tags": ""},
        {**ROW, "hash": make_infohash(5), "infohash_v1": make_infohash(5), "content_path": "/d/b"},
    ],
    "log/main": [{"id": 1, "message": "Torrent removed", "timestamp": 1, "type": 1}],
    "torrents/categories": CATEGORIES,
    "torrents/tags": ["x", "reconcile:default"],
    "app/preferences": {"dht": True, "save_path": "/d", "up_limit": 0, "max_ratio": -1, "banned_IPs": ""},
    "sync/maindata": {
        "rid": 1,
        "full_update": True,
        "torrents": {make_infohash(1): {key: value for key, value in ROW.items() if key != "hash"}},
        "categories": CATEGORIES,
        "tags": ["x"],
        "server_state": {"free_space_on_disk": 10, "connection_status": "connected"},
    },
    "torrents/files": [{"index": 0, "name": "a", "priority": 1, "size": 9, "progress": 1.0}],
    "torrents/trackers": [{"url": "** [DHT] **", "status": 0, "tier": -1}],
    "transfer/info": {"connection_status": "connected", "last_external_address_v4": "192.0.2.1"},
    "app/networkInterfaceList": [{"name": "lo", "value": "lo"}],
    "torrents/add": {"success_count": 1, "added_torrent_ids": [make_infohash(2)]},
    "torrentcreator/status": [
        {
            "taskID": "1",
            "sourcePath": "/d/film",
            "status": "Finished",
            "progress": 100,
            "format": "v1",
            "pieceSize": 0,
            "private": False,
            "source": "",
            "comment": "",
            "trackers": [],
            "urlSeeds": [],
        }
    ],
    "torrentcreator/addTask": {"taskID": "2"},
    "app/buildInfo": {"libtorrent": "2.0.11.0", "qt": "6"},
    "app/getDirectoryContent": ["/d/film"],
    "app/getFreeSpaceAtPath": "1000",
    "app/defaultSavePath": "/d",
    "app/version": "v5.1.0",
    "app/webapiVersion": "2.11.4",
    "auth/login": "Ok.",
}
VERSIONS: Final = (("v5.1.0", "2.11.4"), ("v5.3.0", "2.16.2"), ("v4.2.5", "2.5.1"), ("v4.5.2", "2.8.19"))
VALUES: Final = (
    "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity", "-1", "0", "0.5", "2", str(2**63), str(-(2**63) - 1),
    "9" * 400, '""', '"x"', '"NaN"', "null", "true", "[]", "{}", "[[]]", '"\\u0000\\u202e"', '"\\ud800"', '"/"', '","',
    '"reconcile:default"', '"metaDL"', '"checkingUP"', '"missingFiles"', '"../../etc"', '"' + "a" * 3000 + '"',
    "[" * 3000,
)  # fmt: skip


class Choices:
    """Turns bytes into choices, so that a small change of the bytes is a small change of the answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def choose(self, count: int) -> int:
        """Return a number below `count`; 0 when the bytes are used up."""
        if self._position >= len(self._data):
            return 0
        self._position += 1
        return self._data[self._position - 1] % count

    @property
    def rest(self) -> bytes:
        """The bytes that are not used yet."""
        return self._data[self._position :]


_MARK: Final = "\u2603"  # stands for a value that is put in as text


def distort_answers(data: bytes) -> dict[str, bytes]:
    """Return the answers of a server, one of them distorted as the bytes say: as a whole, or up to four values."""
    choices = Choices(data)
    version, web_api = VERSIONS[choices.choose(len(VERSIONS))]
    answers = _WRITTEN_ANSWERS | {"app/version": version.encode(), "app/webapiVersion": web_api.encode()}
    endpoint = list(ANSWERS)[choices.choose(len(ANSWERS))]
    if choices.choose(8) == 7:
        return {**answers, endpoint: choices.rest}
    answer, texts = json.loads(json.dumps(ANSWERS[endpoint])), list[str]()
    for _ in range(1 + choices.choose(4)):
        container: dict[str, Any] = {"": answer}
        place: Any = container
        key: Any = ""
        while isinstance(place[key], (dict, list)) and place[key] and choices.choose(8):
            place = place[key]
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = keys[choices.choose(len(keys))]
        place[key] = _MARK
        texts.append(VALUES[choices.choose(len(VALUES))])
        answer = container[""]
    text = _write_answer(answer).decode()
    for value in texts:
        text = text.replace(json.dumps(_MARK), value, 1).replace(_MARK, value, 1)
    return {**answers, endpoint: text.encode(errors="surrogatepass")}


def _write_answer(answer: Any) -> bytes:
    return (answer if isinstance(answer, str) else json.dumps(answer)).encode()


_WRITTEN_ANSWERS: Final = {name: _write_answer(answer) for name, answer in ANSWERS.items()}


@contextmanager
def serve_in_memory(answers: Mapping[str, bytes]) -> Iterator[None]:
    """Answer every request of this process from memory, by its endpoint."""

    def send(self: HTTPAdapter, request: PreparedRequest, **options: Any) -> Response:
        endpoint = (request.url or "").partition("?")[0].rpartition("/api/v2/")[2]
        body = answers.get(endpoint, b"Ok.")
        kind = "text/plain" if body[:1] not in (b"[", b"{") else "application/json"
        raw = HTTPResponse(io.BytesIO(body), {"Content-Type": kind}, 200, preload_content=False)
        return self.build_response(request, raw)

    with mock.patch.object(HTTPAdapter, "send", send):
        yield


DESIRED: Final = f"""\
version: 1
policy: sync
delete_files: true
guard: {{max_delete: 100, max_delete_percent: 100}}
instances:
  good: {{url: "http://good.invalid"}}
  bad: {{url: "http://bad.invalid", username: u, password: p, preferences: {{dht: false}}}}
categories: {{films: {{save_path: /films}}}}
torrents:
  - {{magnet: "{make_magnet(2)}", instance: good}}
  - magnet: {make_magnet(1)}
    instance: bad
    category: films
    upload_limit: 5 kB/s
    paused: true
    files: [{{match: "*", priority: high}}]
  - {{magnet: "{make_magnet(4)}", instance: bad}}
  - {{content: /d/film, instance: bad}}
"""


@cache
def _load_desired() -> DesiredState:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "desired.yaml"
        file.write_text(DESIRED)
        return load([file], {})


def check_replies(data: bytes) -> None:
    """Use an instance with distorted answers like a run, a watch or `doctor`, as the first byte says."""
    use = USES[(data[0] if data else 0) % len(USES)]
    with serve_in_memory(distort_answers(data)):
        use()


def _run_beside_good_instance() -> None:
    """Run, render every report, and check that all is well on the other instance."""
    good = MemoryInstance()

    def connect(instance: Instance, _stop: threading.Event) -> OpenTarget:
        return good if instance.name == "good" else IncrementalSession(instance)

    run = run_once(_load_desired(), RunOptions(), fake_context(connect, effect_timeout=0.5, max_attempts=1))
    list(render_run(run, "reconcile"))
    render_run_markdown(run)
    write_run(run, io.StringIO())
    results = {result.name: result for result in run.instances}
    assert results["good"].status is Status.OK, results["good"].error
    assert set(good.torrents) == {make_infohash(2)}
    _check_error(results["bad"].error or "")


def _read_repeatedly() -> None:
    """Read in full, and then the changes."""
    with _expect_clear_errors(), IncrementalSession(_load_desired().instances["bad"]) as session:
        for _ in range(3):
            session.read_snapshot()


READS: Final[tuple[Callable[[Inspector], object], ...]] = (
    lambda session: session.read_network_state(interface=True, transfer=True),
    lambda session: session.count_other_seeds([make_infohash(1)]),
    lambda session: session.read_libtorrent_version(),
    lambda session: session.read_free_space(),
    lambda session: session.has_folder("/d"),
    lambda session: session.has_torrent_creator(),
)


def _inspect() -> None:
    """Read what health checks and `doctor` read."""
    with _expect_clear_errors(), Inspector(_load_desired().instances["bad"]) as session:
        for read in READS:
            with _expect_clear_errors():
                read(session)


USES: Final = (_run_beside_good_instance, _read_repeatedly, _inspect)


@contextmanager
def _expect_clear_errors() -> Iterator[None]:
    try:
        yield
    except InstanceError as error:
        _check_error(str(error))


def _check_error(error: str) -> None:
    for word in ("internal error", "failed with an unexpected"):
        assert word not in error, error


class _NotedAnswers(dict[str, bytes]):
    """Answers that note which of them were asked for."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        super().__init__(answers)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def make_reply_seeds() -> Iterator[bytes]:
    """Yield a few distortions of each answer, each for a use and a version that ask for it."""
    askers: dict[str, list[int]] = {name: [] for name in ANSWERS}
    for first in range(len(USES) * len(VERSIONS)):
        answers = _NotedAnswers(distort_answers(bytes([first, list(ANSWERS).index("log/main"), 7])))
        with serve_in_memory(answers):
            USES[first % len(USES)]()
        for name in answers.asked & askers.keys():
            askers[name].append(first)
    for endpoint, firsts in enumerate(askers.values()):
        if not firsts:
            continue  # no use asks for it, unless another answer is distorted
        yield bytes([firsts[0], endpoint, 7]) + b"[]"
        for count, value in enumerate(range(endpoint % 8, len(VALUES), 8)):
            yield bytes([firsts[count % len(firsts)], endpoint, 0, 0, 1, value, 1, value, 0, value])
