"""No password, API key, cookie or tracker URL shows in an error, a log line or a repr (P7)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import partial

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.conftest import MakeProxy, MakeServer
from tests.support.instances import QBITTORRENT_ANSWERS, make_instance, serve_stub, text_answer
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy, answer_with_status, cut_answer, hang_before, reset_before
from tests.support.raw import RawClient

SECRETS = ("s3cret-Pass", "qbt_s3cretKey", "passkey-s3cret", "SID", "s3cret")


def _shown(error: BaseException) -> str:
    """Return all that a log could contain of an error, without the lines of this file."""
    return "".join(traceback.format_exception(error, limit=0)) + repr(error)


@pytest.mark.builds("5.3.0")
def test_nothing_secret_shows_whatever_goes_wrong(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server(version, password="s3cret-Pass")
    proxy, shown = make_proxy(server), []
    link = make_magnet(1) + "&tr=https%3A%2F%2Ftracker.example%2Fpasskey-s3cret%2Fannounce"
    options = AddOptions(stopped=True, auto_tmm=False)
    echo = answer_with_status(400, link + " s3cret-Pass qbt_s3cretKey", "text/plain")
    hang = hang_before(60)
    for fault in (
        cut_answer(),
        hang,
        reset_before,
        answer_with_status(500, link),
        answer_with_status(409 + 4, link),
        echo,
        answer_with_status(404, link),
    ):
        session = Session(make_instance(proxy, server, read_timeout=1.0 if fault is hang else 60.0))
        session.open()
        shown.append(repr(session) + str(vars(session)))
        calls: dict[str, Callable[[], object]] = {
            "torrents/add": partial(session.add_magnets, [link], options),
            "torrents/info": session.read_snapshot,
            "torrents/addTags": partial(session.add_tags, [make_infohash(1)], ["x"]),
            "auth/login": session.open,
        }
        for endpoint, call in calls.items():
            proxy.add_fault(endpoint, fault)
            try:
                call()
            except InstanceError as error:  # a reply without a body cannot be cut
                shown.append(_shown(error))
        session.close()
    assert len(shown) > 25
    for secret in SECRETS:
        assert not [text for text in [*shown, *(record.getMessage() for record in caplog.records)] if secret in text]


def test_a_refusal_that_quotes_the_api_key_is_not_shown() -> None:
    answers = {**QBITTORRENT_ANSWERS, "torrents/createCategory": text_answer("you sent Bearer qbt_s3cretKey", 400)}
    with serve_stub(answers) as url, Session(make_instance(url, api_key=Secret("qbt_s3cretKey"))) as session:
        create = partial(session.create_category, "a", "")
        with pytest.raises(InstanceError) as error:
            create()
    assert "s3cret" not in _shown(error.value)


def test_the_credentials_of_a_url_are_not_shown() -> None:
    with pytest.raises(InstanceError) as error:
        Session(make_instance("http://admin:s3cret@127.0.0.1:1/?token=s3cret")).open()
    assert "s3cret" not in _shown(error.value)


def test_a_key_that_cannot_be_sent_is_not_shown(any_server: QbittorrentServer) -> None:
    for key in ("qbt_s3cret\nX: y", "qbt_s3cret\N{SNOWMAN}"):
        with pytest.raises(InstanceError) as error:
            Session(make_instance(any_server.url, api_key=Secret(key))).open()
        assert "s3cret" not in _shown(error.value)


def test_a_login_refusal_that_quotes_credentials_is_not_shown(
    any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy = make_proxy(any_server)
    proxy.add_fault(
        "auth/login", answer_with_status(400, f"username=admin&password={any_server.password}", "text/plain")
    )
    with pytest.raises(InstanceError) as error:
        Session(make_instance(proxy, any_server)).open()
    assert any_server.password not in _shown(error.value)
    assert RawClient(any_server).list_torrents() == {}
