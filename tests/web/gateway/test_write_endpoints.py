"""The endpoints that change something: their answers, and what they ask of the intake and of instances."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from structlog.testing import capture_logs

from reconciler.model.codes import Code
from reconciler.model.desired import DesiredCategory, DesiredState, Policy
from reconciler.model.gateway import IntakeSettings
from reconciler.model.intake import (
    DeclaredElsewhere,
    Intake,
    IntakeFull,
    IntakeUnavailable,
)
from reconciler.model.position import Position, Problem
from reconciler.model.rows import InstanceRows, InstanceUnavailable, LiveRows, Reply
from reconciler.web.catalogue import Catalogue, CatalogueView, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.gateway import write_endpoints
from reconciler.web.gateway.write_endpoints import REFUSED, WITHOUT_EFFECT, WriteEndpoints
from reconciler.web.status_board import StatusBoard
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.gateway_torrents import RecordingIntake, make_entry, make_known
from tests.support.instances import make_instance
from tests.support.magnets import make_infohash, make_magnet

POSITION = Position("intake.yaml", 9, 1)
H1, H2, H3 = map(make_infohash, (1, 2, 3))


class RecordingRows:
    """Remembers what it sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.reply: Reply | Exception = Reply(200, b"")

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Say nothing new about a torrent."""
        raise InstanceUnavailable(f"{instance}: it is away")

    def send(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Answer."""
        self.sent.append((instance, endpoint, parameters["hashes"]))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class FixedCatalogue:
    """The same view until a torrent is replaced."""

    def __init__(self, torrents: Sequence[KnownTorrent]) -> None:
        categories = {name: {"name": name, "savePath": ""} for name in ("own", "git", "live")}
        by_hash = {str(known.row["hash"]): known for known in torrents}
        self._view = CatalogueView(by_hash, categories, instances={"home": InstanceRows("home", is_read=True)})

    def read(self) -> CatalogueView:
        """Return the view."""
        return self._view

    def replace(self, known: KnownTorrent) -> None:
        """Show a torrent as it is now."""
        torrents = {**self._view.torrents, str(known.row["hash"]): known}
        self._view = dataclasses.replace(self._view, torrents=torrents)


class Site:
    """The endpoints, with two torrents that were handed in and one that git declares."""

    def __init__(self) -> None:
        entries = [make_entry(1), make_entry(2, category="own")]
        self.intake, self.rows = RecordingIntake(entries), RecordingRows()
        torrents = [
            make_known(1, entries[0], instances=("home", "box")),
            make_known(2, entries[1], instance=None, instances=()),
            make_known(3, make_entry(3, "films.yaml"), is_handed_in=False),
            make_known(4, is_handed_in=False, is_owned=False),
        ]
        desired = DesiredState(
            Policy.SYNC,
            {"home": make_instance("http://h", path_map={"/data": "/mnt"})},
            categories={"git": DesiredCategory("git", Position("films.yaml", 4, 3)), **self.intake.categories},
            intake=IntakeSettings(POSITION, "intake.yaml", "home"),
        )
        context = WebContext(
            cast("StatusBoard", None),
            lambda: desired,
            intake=cast("Intake", self.intake),
            rows=cast("LiveRows", self.rows),
        )
        self.catalogue = FixedCatalogue(torrents)
        endpoints = WriteEndpoints(context, cast("Catalogue", self.catalogue))
        self.app = Starlette(routes=endpoints.make_routes(), exception_handlers={HTTPException: show_error})

    def post(self, call: str, **fields: str) -> AsgiAnswer:
        """Send a call."""
        return call_app(self.app, "POST", f"/torrents/{call}", fields)

    def refuse(self, call: str, status: int, text: str, **fields: str) -> None:
        """Send a call that is refused without a trace."""
        answer = self.post(call, **fields)
        assert (answer.status, text in answer.text) == (status, True), answer
        assert self.intake.calls == []


async def show_error(_request: Request, error: Exception) -> Response:
    """Answer with the text of the error."""
    assert isinstance(error, HTTPException)
    return PlainTextResponse(error.detail, error.status_code)


@pytest.fixture
def site() -> Site:
    """A fresh one."""
    return Site()


@pytest.fixture(autouse=True)
def log() -> Iterator[Any]:
    """The lines of the log."""
    with capture_logs() as lines:
        yield lines


def test_torrents_are_handed_in_with_paths_as_the_instance_sees_them(site: Site) -> None:
    assert site.post("add", urls=make_magnet(5), savepath="/mnt/x").text == "Ok."
    assert site.intake.calls == [("hand_in", [(make_magnet(5), {"save_path": "/data/x"})])]


def test_changes_are_computed_for_each_entry(site: Site) -> None:
    answer = site.post("addTags", hashes=f"{H1}|{H2}|unknown", tags="x")
    assert (answer.status, answer.text) == (200, "")
    assert site.intake.calls == [("change", {H1: {"tags": ["x"]}, H2: {"tags": ["x"]}})]


def test_all_means_what_services_handed_in(site: Site) -> None:
    site.post("stop", hashes="all")
    assert list(site.intake.calls[0][1]) == [H1, H2]


def test_nothing_is_written_where_nothing_changes(site: Site) -> None:
    assert site.post("removeTags", hashes="all", tags="unknown").status == 200
    assert site.post("stop", hashes="unknown").status == 200
    assert site.intake.calls == []


def test_what_5_1_refuses_for_one_torrent_is_refused_before_anything_is_written(site: Site) -> None:
    site.refuse("setCategory", 409, "Incorrect category name", hashes="all", category="unknown")
    assert site.post("setCategory", hashes="unknown", category="unknown").status == 200


def test_the_torrents_of_people_are_theirs(site: Site) -> None:
    for call, fields in (("stop", {}), ("delete", {"deleteFiles": "true"}), ("addTags", {"tags": "x"})):
        site.refuse(call, 409, "films.yaml:3:5", hashes=f"{H1}|{H3}", **fields)
    site.refuse("stop", 409, "is not ours", hashes=make_infohash(4))


def test_paths_of_a_torrent_are_those_of_its_instance(site: Site) -> None:
    site.post("setLocation", hashes=f"{H1}|{H2}", location="/mnt/x")
    assert {changes["save_path"] for changes in site.intake.calls[0][1].values()} == {"/data/x"}


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (
            DeclaredElsewhere(Problem(POSITION, Code.DUPLICATE_TORRENT, "it is\x1b elsewhere")),
            409,
            "it is\\x1b elsewhere",
        ),
        (IntakeFull(Problem(POSITION, Code.DUPLICATE_TORRENT, "it is full")), 409, "it is full"),
        (IntakeUnavailable(Problem(POSITION, Code.FILE_UNREADABLE, "the disk is full")), 503, "the disk is full"),
        (KeyError(H1), 200, ""),
    ],
)
def test_what_the_intake_refuses(site: Site, error: Exception, status: int, text: str) -> None:
    site.intake.error = error
    site.refuse("stop", status, text, hashes=H1)
    if not isinstance(error, KeyError):
        site.refuse("delete", status, text, hashes=H1, deleteFiles="false")
        site.refuse("createCategory", status, text, category="new")


def test_a_deletion_is_waited_for(site: Site) -> None:
    answer = site.post("delete", hashes=f"{H1}|unknown", deleteFiles="TRUE")
    assert (answer.status, answer.text) == (200, "")
    assert site.intake.calls == [("remove", [H1], True)]
    assert site.post("delete", hashes="unknown", deleteFiles="true").status == 200
    assert len(site.intake.calls) == 1


def test_a_torrent_that_no_instance_has_is_gone_although_its_entry_stays_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.intake, "remove", lambda infohashes, *, delete_files: None)
    monkeypatch.setattr(asyncio, "sleep", None)  # fails if it is called
    assert site.post("delete", hashes=H2, deleteFiles="false").status == 200


def test_a_deletion_that_takes_long_is_answered_and_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    moments: list[float] = []

    async def pass_time(seconds: float) -> None:
        moments.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pass_time)
    monkeypatch.setattr(site.intake, "remove", lambda infohashes, *, delete_files: None)
    assert site.post("delete", hashes=H1, deleteFiles="false").status == 200
    assert sum(moments) == pytest.approx(write_endpoints.DELETION_TIMEOUT, abs=0.2)
    assert [line["event"] for line in log] == ["gateway does not wait longer for a deletion"]


def test_deleted_tags_go_from_every_torrent(site: Site) -> None:
    site.post("addTags", hashes=H1, tags="x")
    site.intake.calls.clear()
    assert site.post("deleteTags", tags="own").status == 200
    assert site.intake.calls == []


def test_categories_go_to_the_intake(site: Site) -> None:
    assert site.post("createCategory", category="new", savePath="/mnt/n").status == 200
    assert site.post("editCategory", category="own", savePath="/mnt/x").status == 200
    assert site.post("removeCategories", categories="own").status == 200
    assert [call[0] for call in site.intake.calls] == ["set_category", "set_category", "change", "remove_categories"]
    assert [call[2] for call in site.intake.calls[:2]] == ["/data/n", "/data/x"]


def test_a_recheck_goes_to_every_instance_that_has_the_torrent(site: Site) -> None:
    assert site.post("recheck", hashes=f"{H1}|{make_infohash(4)}|unknown").status == 200
    assert site.rows.sent == [("home", "torrents/recheck", H1), ("box", "torrents/recheck", H1)]
    site.rows.sent.clear()
    site.post("reannounce", hashes="all")
    assert ("home", "torrents/reannounce", f"{H1}|{H3}") in site.rows.sent
    assert site.intake.calls == []


def test_a_recheck_waits_for_a_torrent_that_the_loop_is_about_to_add(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def place_torrent(_seconds: float) -> None:
        site.catalogue.replace(make_known(2, make_entry(2)))

    monkeypatch.setattr(write_endpoints, "PLACEMENT_TIMEOUT", 15.0)  # whatever the fuzz target has set in this process
    monkeypatch.setattr(asyncio, "sleep", place_torrent)
    assert site.post("recheck", hashes=H2).status == 200
    assert site.rows.sent == [("home", "torrents/recheck", H2)]


def test_a_recheck_of_a_torrent_that_stays_on_no_instance_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_endpoints, "PLACEMENT_TIMEOUT", 0.0)
    site.refuse("recheck", 409, "is on no instance yet", hashes=f"{H1}|{H2}")
    assert [instance for instance, *_ in site.rows.sent] == ["home", "box"], "the others are checked"
    assert site.post("recheck", hashes="all").status == 200


def test_an_instance_that_does_not_recheck_is_named(site: Site) -> None:
    site.rows.reply = InstanceUnavailable("no connection")
    site.refuse("recheck", 409, "home cannot do this now: no connection", hashes=H1)
    site.rows.reply = Reply(500, b"")
    site.refuse("recheck", 409, "home answered with status 500", hashes=H1)


@pytest.mark.parametrize("call", WITHOUT_EFFECT)
def test_calls_without_effect_are_logged_once(site: Site, log: list[Any], call: str) -> None:
    fields = dict.fromkeys(WITHOUT_EFFECT[call], "x")
    assert [site.post(call, **fields).status for _ in range(3)] == [200, 200, 200]
    assert [(line["event"], line["call"]) for line in log] == [
        ("gateway accepts a call without effect", f"torrents/{call}")
    ]
    site.refuse(call, 400, "Bad Request")


@pytest.mark.parametrize("call", REFUSED)
def test_calls_whose_loss_would_matter_are_refused(site: Site, call: str) -> None:
    site.refuse(call, 409, f"torrents/{call} cannot be declared", **dict.fromkeys(REFUSED[call], "x"))
    site.refuse(call, 400, "Bad Request")


def test_a_body_that_is_no_form_is_a_bad_request(site: Site) -> None:
    for headers, body in (
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "multipart/form-data"}, b"x"),
    ):
        answer = call_app(site.app, "POST", "/torrents/stop", body, headers)
        assert (answer.status, answer.text) == (400, "Bad Request")
    assert call_app(site.app, "GET", "/torrents/stop").status == 405
