"""The reads of the inspector on all four versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError
from reconciler.model.secret import Secret
from reconciler.model.versions import API_KEYS, DIRECTORY_CONTENT, TORRENT_CREATOR
from reconciler.qbittorrent.inspector import Inspector
from tests.conftest import MakeProxy, MakeServer
from tests.support.instances import json_answer, make_instance, serve_stub, text_answer
from tests.support.raw import RawClient
from tests.support.server_builds import Build

APP = {"version": text_answer("v5.1.0"), "webapiVersion": text_answer("2.11.4")}


def test_every_read(server: QbittorrentServer, make_proxy: MakeProxy, build: Build, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    raw, proxy = RawClient(server), make_proxy(server)
    with Inspector(make_instance(proxy, server)) as inspector:
        clock = inspector.get_server_time()
        assert clock is not None
        assert abs(clock - datetime.now(UTC)) < timedelta(seconds=30)
        assert inspector.read_libtorrent_version() == raw.post("app/buildInfo").json()["libtorrent"]
        assert inspector.read_default_save_path() == raw.post("app/defaultSavePath").text
        assert inspector.has_torrent_creator() is build.has(TORRENT_CREATOR)
        expected = (True, False, False) if build.has(DIRECTORY_CONTENT) else (None, None, None)
        assert tuple(inspector.has_folder(str(tmp_path / name)) for name in ("there", "gone", "file")) == expected
        free = inspector.read_free_space()
        assert free is not None
        assert free > 0
    assert proxy.mutations == []
    assert proxy.count_requests("auth/login") == proxy.count_requests("auth/logout") == 1


@pytest.mark.builds("5.3.0", having=API_KEYS)
def test_free_space_with_an_api_key(make_server: MakeServer, make_proxy: MakeProxy, version: str) -> None:
    key = "qbt_" + "k" * 28
    server = make_server(version, api_key=key)
    with Inspector(make_instance(make_proxy(server), server, api_key=Secret(key))) as inspector:
        free = inspector.read_free_space()
    assert free is not None
    assert free > 0


def test_the_time_comes_from_the_last_reply() -> None:
    """The stub's `Date` header comes from Python's own server."""
    answers = {f"app/{key}": answer for key, answer in APP.items()}
    with serve_stub(answers) as server, Inspector(make_instance(server)) as inspector:
        clock = inspector.get_server_time()
    assert clock is not None
    assert abs(clock - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_reply_of_another_shape_is_an_error() -> None:
    answers = {f"app/{key}": answer for key, answer in {**APP, "buildInfo": json_answer("[]")}.items()}
    with (
        serve_stub(answers) as server,
        Inspector(make_instance(server)) as inspector,
        pytest.raises(InstanceError, match="unexpected shape"),
    ):
        inspector.read_libtorrent_version()
