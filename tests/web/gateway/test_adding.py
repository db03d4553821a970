"""The parameters of `torrents/add` become keys of an entry; what cannot be declared is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from reconciler.model.codes import Code
from reconciler.model.intake import HandedIn, HandInResult, Intake
from reconciler.model.position import Position, Problem
from reconciler.web.forms import Form, UploadedFile
from reconciler.web.gateway.adding import AddRequest, add_torrents, build_keys, parse_add
from tests.support.magnets import make_infohash, make_magnet
from tests.support.torrents import make_torrent

POSITION = Position("intake.yaml", 7, 5)


def to_instance_path(path: str) -> str:
    """As `path_map: {/data: /mnt}` translates."""
    return path.replace("/mnt", "/data", 1)


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({}, {}),
        ({"urls": "x", "savepath": " ", "category": "", "tags": "", "rename": " "}, {}),
        ({"savepath": "/mnt/films"}, {"save_path": "/data/films"}),
        ({"category": "films", "tags": " a ,b,"}, {"category": "films", "tags": ["a", "b"]}),
        ({"stopped": "true"}, {"paused": True}),
        ({"paused": "True"}, {"paused": True}),
        ({"stopped": "false", "paused": "true"}, {}),
        ({"stopped": "maybe"}, {}),
        ({"skip_checking": "true"}, {"skip_checking": True}),
        ({"seedMode": "true"}, {"skip_checking": True}),
        ({"contentLayout": "Subfolder"}, {"content_layout": "subfolder"}),
        ({"contentLayout": "NoSubfolder", "root_folder": "true"}, {"content_layout": "no-subfolder"}),
        ({"contentLayout": "else"}, {"content_layout": "original"}),
        ({"root_folder": "false"}, {"content_layout": "no-subfolder"}),
        ({"rename": " New name "}, {"name": "New name"}),
        ({"upLimit": "1024", "dlLimit": "-1"}, {"upload_limit": "1024 B/s"}),
        ({"dlLimit": "5000000000"}, {}),
        ({"ratioLimit": "1.5", "seedingTimeLimit": "90"}, {"share_limits": {"ratio": 1.5, "seeding_time": "90m"}}),
        ({"ratioLimit": "-2", "seedingTimeLimit": "-2", "inactiveSeedingTimeLimit": "-2"}, {}),
        ({"inactiveSeedingTimeLimit": "-1"}, {"share_limits": {"inactive_seeding_time": "unlimited"}}),
        ({"shareLimitAction": "RemoveWithContent"}, {"share_limits": {"action": "remove-with-content"}}),
        ({"shareLimitAction": "Default", "shareLimitsMode": "Default"}, {}),
        ({"autoTMM": "true", "savepath": "/x", "downloadPath": "/y"}, {"auto_tmm": True}),
        ({"autoTMM": "false", "savepath": "/x"}, {"auto_tmm": False, "save_path": "/x"}),
        (
            {"sequentialDownload": "true", "firstLastPiecePrio": "true"},
            {"sequential": True, "first_last_piece_first": True},
        ),
        ({"sequentialDownload": "false"}, {}),
        ({"forced": "true"}, {"force_start": True}),
        ({"stopCondition": "MetadataReceived"}, {"stop_condition": "metadata-received"}),
        ({"stopCondition": "else"}, {"stop_condition": "none"}),
        ({"downloadPath": "/mnt/tmp"}, {"download_path": "/data/tmp", "auto_tmm": False}),
        ({"downloadPath": "/t", "savepath": "/s"}, {"download_path": "/t", "save_path": "/s"}),
        ({"downloadPath": "/s", "savepath": "/s"}, {"download_path": "", "save_path": "/s"}),
        (
            {"useDownloadPath": "false", "downloadPath": "/t", "savepath": "/s"},
            {"download_path": "", "save_path": "/s"},
        ),
        ({"addToTopOfQueue": "false", "cookie": ""}, {}),
        ({"foo": "bar", "label": "linux", "bad\x1b[31m": "1"}, {}),
    ],
)
def test_parameters_become_keys(fields: dict[str, str], keys: dict[str, object]) -> None:
    assert build_keys(fields, to_instance_path) == keys


@pytest.mark.parametrize(
    ("fields", "status", "name"),
    [
        ({"addToTopOfQueue": "true"}, 400, "addToTopOfQueue"),
        ({"cookie": "uid=secret"}, 400, "cookie"),
        ({"ssl_certificate": "x"}, 400, "ssl_certificate"),
        ({"filePriorities": "1"}, 400, "filePriorities"),
        ({"useDownloadPath": "true"}, 400, "useDownloadPath"),
        ({"tags": "a,reconcile:home"}, 409, "reconcile:home"),
    ],
)
def test_what_cannot_be_declared_is_refused_by_name(fields: dict[str, str], status: int, name: str) -> None:
    with pytest.raises(HTTPException) as caught:
        build_keys(fields, to_instance_path)
    assert caught.value.status_code == status
    assert f'"{name}"' in caught.value.detail
    assert "secret" not in caught.value.detail


def test_every_source_of_a_form_is_a_torrent() -> None:
    content = make_torrent(1)
    links = [make_magnet(1), "https://example.org/a.torrent", make_infohash(2).upper(), "A" * 32, "b" * 64]
    urls = "\r\n".join([*links, "", "/etc/passwd", "ftp://x/y"])
    form = Form({"urls": urls, "category": "c"}, (UploadedFile("torrents", "a", content),))
    request = parse_add(form, to_instance_path)
    assert [torrent.link or torrent.content for torrent in request.torrents] == [
        links[0],
        links[1],
        make_magnet(2).partition("&")[0],
        "magnet:?xt=urn:btih:" + "a" * 32,
        "magnet:?xt=urn:btmh:1220" + "b" * 64,
        content,
    ]
    assert {torrent.keys["category"] for torrent in request.torrents} == {"c"}
    assert len(request.refusals) == 2


def test_a_file_that_is_no_torrent_is_refused_with_its_name_on_one_line() -> None:
    form = Form({"urls": make_magnet(1)}, (UploadedFile("torrents", "a\nb.torrent", b"no"),))
    with pytest.raises(HTTPException) as caught:
        parse_add(form, to_instance_path)
    assert (caught.value.status_code, caught.value.detail) == (
        415,
        "Error: 'a\\x0ab.torrent' is not a valid torrent file.",
    )


class FixedIntake:
    """Answers every torrent with the next of its results."""

    def __init__(self, results: Sequence[HandInResult]) -> None:
        self._results = results

    def hand_in(self, torrents: Sequence[HandedIn]) -> Sequence[HandInResult]:
        """Return the results."""
        assert len(torrents) == len(self._results)
        return self._results


def add(*results: HandInResult, refusals: tuple[str, ...] = ()) -> str:
    """Hand in as many torrents as there are results."""
    request = AddRequest(tuple(HandedIn(link="x") for _ in results), refusals)
    return add_torrents(cast("Intake", FixedIntake(results)), request, "192.0.2.1")


def make_problem(code: str) -> HandInResult:
    """A torrent that was refused."""
    return HandInResult(problem=Problem(POSITION, code, "it is\x1b bad"))


ADDED = HandInResult("a" * 40, POSITION)
KNOWN = HandInResult("b" * 40, POSITION, is_known=True)


@pytest.mark.parametrize(
    ("results", "body"),
    [
        ((), "Fails."),
        ((ADDED,), "Ok."),
        ((ADDED, KNOWN, make_problem(Code.PATH)), "Ok."),
        ((KNOWN,), "Fails."),
        ((make_problem(Code.MAGNET), KNOWN), "Fails."),
    ],
)
def test_ok_if_one_torrent_is_on_disk_and_the_reasons_in_the_log(results: tuple[HandInResult, ...], body: str) -> None:
    with capture_logs() as log:
        assert add(*results) == body
    assert len(log) == sum(result is not ADDED for result in results)
    reasons = {"it is already declared at intake.yaml:7:5", "it is\\x1b bad"}
    assert {line["reason"] for line in log} <= reasons


def test_the_reason_is_told_where_a_parameter_is_wrong() -> None:
    with capture_logs(), pytest.raises(HTTPException) as caught:
        add(KNOWN, make_problem(Code.PATH))
    assert caught.value.status_code == 409
    assert "it is\\x1b bad" in caught.value.detail


def test_refused_links_fail_and_are_logged() -> None:
    with capture_logs() as log:
        assert add(refusals=("only links",)) == "Fails."
    assert [line["reason"] for line in log] == ["only links"]
