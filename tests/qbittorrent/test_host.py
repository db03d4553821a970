"""The network and the free space that an instance reports."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError
from reconciler.model.health import NetworkState
from reconciler.model.secret import Secret
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.host import read_default_save_path, read_free_space
from tests.conftest import MakeProxy
from tests.support.instances import QBITTORRENT_ANSWERS, json_answer, make_instance, serve_stub, text_answer
from tests.support.raw import RawClient
from tests.support.stub_sessions import open_stub_session

MAX_INT64 = 9_223_372_036_854_775_807


def read_stub_free_space(answers: dict[str, str], web_api: str, api_key: Secret | None = None) -> int | None:
    """Return the free space of a stub with these answers."""
    replies = {"app/webapiVersion": text_answer(web_api)} | {key: json_answer(body) for key, body in answers.items()}
    with serve_stub({**QBITTORRENT_ANSWERS, **replies}) as url:
        instance = make_instance(url, api_key=api_key)
        connection = Connection(instance, None)
        connection.open()
        try:
            return read_free_space(connection, instance)
        finally:
            connection.close()


def test_the_interface_comes_from_the_preferences_and_the_list() -> None:
    answers = {
        "app/preferences": json_answer('{"current_network_interface": "wg0", "web_ui_password": "x"}'),
        "app/networkInterfaceList": json_answer('[{"name": "W", "value": "wg0"}, {"name": "E", "value": "eth0"}]'),
    }
    with open_stub_session("2.11.4", answers) as (session, requests):
        network = session.read_network_state(interface=True, transfer=False)
    assert network == NetworkState(interface="wg0", interfaces=("eth0", "wg0"))
    assert [endpoint for endpoint, _ in requests] == ["app/preferences", "app/networkInterfaceList"]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ("", None),  # before 5.1
        (', "last_external_address_v4": "", "last_external_address_v6": ""', ()),
        (', "last_external_address_v4": "1.2.3.4"', ("1.2.3.4",)),
        (', "last_external_address_v4": "", "last_external_address_v6": "2001:db8::1"', ("2001:db8::1",)),
    ],
)
def test_unknown_addresses_differ_from_a_server_that_reports_none(
    addresses: str, expected: tuple[str, ...] | None
) -> None:
    answers = {"transfer/info": json_answer(f'{{"connection_status": "connected"{addresses}}}')}
    with open_stub_session("2.11.4", answers) as (session, requests):
        network = session.read_network_state(interface=False, transfer=True)
    assert network == NetworkState(connection_status="connected", addresses=expected)
    assert [endpoint for endpoint, _ in requests] == ["transfer/info"]


def test_a_network_reply_of_another_shape_is_an_error() -> None:
    answers = {"transfer/info": json_answer("{}")}
    with open_stub_session("2.11.4", answers) as (session, _), pytest.raises(InstanceError, match="unexpected shape"):
        session.read_network_state(interface=False, transfer=True)


@pytest.mark.parametrize(
    ("free_bytes", "expected"), [(0, 0), (MAX_INT64, MAX_INT64), (-1, None), (MAX_INT64 + 1, None)]
)
def test_the_free_space_of_a_new_server_is_that_of_its_default_path(free_bytes: int, expected: int | None) -> None:
    answers = {"app/defaultSavePath": "/data", "app/getFreeSpaceAtPath": str(free_bytes)}
    assert read_stub_free_space(answers, "2.15.2") == expected


def test_an_older_server_reports_free_space_with_its_main_data_but_not_to_an_api_key() -> None:
    answers = {"sync/maindata": '{"rid": 1, "server_state": {"free_space_on_disk": 5000}}'}
    assert read_stub_free_space(answers, "2.15.1") == 5000
    assert read_stub_free_space(answers, "2.15.1", Secret("qbt_" + "k" * 28)) is None


def test_libtorrent_is_read_once_a_session_and_again_after_the_next_login() -> None:
    answers = {"app/buildInfo": json_answer('{"libtorrent": "1.2.20.0", "qt": "6.8.2"}')}
    with open_stub_session("2.11.4", answers) as (session, requests):
        assert session.read_snapshot().libtorrent == ""
        assert [session.read_libtorrent_version() for _ in range(2)] == ["1.2.20.0"] * 2
        assert session.read_snapshot().libtorrent == "1.2.20.0"
        session.open()
        assert session.read_snapshot().libtorrent == ""
        session.read_libtorrent_version()
    assert [endpoint for endpoint, _ in requests].count("app/buildInfo") == 2


@pytest.mark.parametrize("body", ["{}", '{"libtorrent": "\\u001b[31m2.0"}', '{"libtorrent": 2}', "[]"])
def test_a_libtorrent_version_is_a_version(body: str) -> None:
    with (
        open_stub_session("2.11.4", {"app/buildInfo": json_answer(body)}) as (session, _),
        pytest.raises(InstanceError, match="app/buildInfo"),
    ):
        session.read_libtorrent_version()


def test_the_default_save_path_is_a_text() -> None:
    with serve_stub({**QBITTORRENT_ANSWERS, "app/defaultSavePath": text_answer("/data/")}) as url:
        assert read_default_save_path(Connection(make_instance(url), None)) == "/data/"


def test_a_missing_interface_is_reported(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    raw = RawClient(server)
    raw.post("app/setPreferences", json='{"current_network_interface": "wg-not-there"}')
    with Session(make_instance(make_proxy(server), server)) as session:
        network = session.read_network_state(interface=True, transfer=False)
    assert network.interface == "wg-not-there"
    assert network.interfaces is not None
    assert "wg-not-there" not in network.interfaces
