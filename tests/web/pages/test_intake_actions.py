"""Adding torrents on the page, and pausing, resuming and removing what was added."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.codes import Code
from reconciler.model.intake import IntakeUnavailable
from reconciler.model.plan import AddTorrent, Outcome, Verb
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult
from reconciler.web.forms import Form, UploadedFile
from reconciler.web.pages.action_form import ActionRefused
from reconciler.web.pages.intake_actions import read_torrents
from tests.support.action_site import ActionSite
from tests.support.asgi_calls import call_app
from tests.support.example_runs import converged, make_torrent_action
from tests.support.rest_site import DECLARED, INTAKE_FILE
from tests.support.torrents import make_torrent

HASH = "a" * 40
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Sintel"


@pytest.fixture
def site() -> ActionSite:
    site = ActionSite()
    site.end_run(converged())
    site.sign_in()
    return site


def end_run_with(site: ActionSite, outcome: Outcome, error: str | None = None) -> None:
    """Let a run end that has done something with the torrent."""
    action = make_torrent_action(Verb.ADD, "Sintel", "not on the instance", number=1)
    assert isinstance(action, AddTorrent)
    action = replace(action, infohash=HASH)
    instance = replace(converged().instances[0], results=(ActionResult(action, outcome, error),))
    site.end_run(replace(converged(), instances=(instance,)))


def test_a_magnet_link_becomes_an_entry_and_the_next_run_adds_it(site: ActionSite) -> None:
    assert f"Each becomes an entry of {INTAKE_FILE}, for home." in site.get("/actions/add").text
    path = site.carry_out("/actions/add", {"links": f"\n {MAGNET} \n", "category": "films", "paused": "1"})
    assert site.intake.entries[HASH].category == "films"
    page = site.get(path)
    assert "1 torrent was added to the intake" in page.text
    assert f"/torrents/{HASH}" in page.resolve_paths(path)
    end_run_with(site, Outcome.APPLIED)
    page = site.get(path)
    assert "Sintel: added on " in page.text and 'class="notice good"' in page.html


def test_an_addition_that_fails_is_told_with_its_reason(site: ActionSite) -> None:
    path = site.carry_out("/actions/add", {"links": MAGNET})
    end_run_with(site, Outcome.FAILED, "the disk is full")
    page = site.get(path)
    assert "Sintel: failed on " in page.text and "the disk is full" in page.text and 'class="notice bad"' in page.html


def test_files_are_uploaded(site: ActionSite) -> None:
    content = make_torrent(3)
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + site.read_csrf().encode(),
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.torrent"\r\n'
        b"Content-Type: application/x-bittorrent\r\n\r\n" + content,
        (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        ),
        b"--x--\r\n",
    ]
    headers = {**site._cookie, "Content-Type": "multipart/form-data; boundary=x"}
    answer = call_app(site.app, "POST", "/actions/add", b"\r\n".join(parts), headers)
    assert answer.status == 303, answer.text
    assert len(site.intake.entries) == 1


def test_what_is_declared_already_is_told_and_left(site: ActionSite) -> None:
    path = site.carry_out("/actions/add", {"links": f"{MAGNET}\n{DECLARED.infohash}"})
    page = site.get(path)
    assert "Declared already, at desired.yaml:12:5" in page.text and "1 torrent was added" in page.text
    again = site.get(site.carry_out("/actions/add", {"links": MAGNET}))
    assert "0 torrents were added to the intake" in again.text and 'class="notice good"' in again.html


def test_a_refusal_keeps_what_was_typed(site: ActionSite) -> None:
    site.intake.failure = IntakeUnavailable(
        Problem(Position("", 0, 0), Code.DUPLICATE_TORRENT, "the disk is full", "Make room")
    )
    answer = site.post("/actions/add", {"links": MAGNET, "tags": "iso"})
    assert answer.status == 409
    assert "Nothing was changed." in answer.text and "the disk is full" in answer.text and "Make room" in answer.text
    assert MAGNET.replace("&", "&amp;") in answer.text and 'value="iso"' in answer.text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "Give a magnet link"),
        ({"links": "\n \n"}, "Give a magnet link"),
        ({"links": f"{MAGNET}\nfile:///etc/passwd"}, "Line 2 is no magnet link"),
        ({"links": "/data/film.torrent"}, "Line 1 is no magnet link"),
    ],
)
def test_forms_without_a_torrent(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(ActionRefused, match=reason):
        read_torrents(Form(fields))


def test_the_keys_of_a_form_are_those_of_each_entry() -> None:
    form = Form(
        {"links": f"{MAGNET}\n{HASH.upper()}", "category": " films ", "tags": "iso, free", "paused": "1"},
        (UploadedFile("files", "a.torrent", b"d"), UploadedFile("files", "", b"")),
    )
    torrents = read_torrents(form)
    assert [bool(torrent.link) for torrent in torrents] == [True, True, False]
    assert torrents[1].link == f"magnet:?xt=urn:btih:{HASH}"
    assert all(t.keys == {"category": "films", "tags": ["iso", "free"], "paused": True} for t in torrents)


def test_a_torrent_of_the_intake_is_paused_resumed_and_removed(site: ActionSite) -> None:
    site.carry_out("/actions/add", {"links": MAGNET})
    for name, changes in (
        ("pause-torrent", {"paused": True, "force_start": None}),
        ("resume-torrent", {"paused": False, "force_start": None, "stop_condition": None}),
    ):
        assert "Its entry gets paused: " in site.get(f"/actions/{name}?torrent={HASH}").text
        path = site.carry_out(f"/actions/{name}", {"torrent": HASH.upper()})
        assert site.intake.changes.pop() == (HASH, changes)
        assert "is declared as" in site.get(path).text
    page = site.get(f"/actions/remove-torrent?torrent={HASH}")
    assert "max_delete of the intake" in page.text
    path = site.carry_out("/actions/remove-torrent", {"torrent": HASH, "delete_files": "1"})
    assert (site.intake.entries[HASH].absent, site.intake.entries[HASH].delete_files) == (True, True)
    assert "is marked as absent, with its data" in site.get(path).text
    assert "It is marked as absent already" in site.get(f"/actions/pause-torrent?torrent={HASH}").text


def test_the_page_of_a_torrent_leads_to_what_can_be_done_with_it(site: ActionSite) -> None:
    site.carry_out("/actions/add", {"links": MAGNET})
    site.desired = replace(site.desired, torrents=(*site.desired.torrents, site.intake.entries[HASH]))
    site.end_run(converged())
    path = f"/torrents/{HASH}"
    actions = {"/actions/pause-torrent", "/actions/resume-torrent", "/actions/remove-torrent"}
    assert actions <= site.get(path).resolve_paths(path)
    declared = f"/torrents/{DECLARED.infohash}"
    assert not actions & site.get(declared).resolve_paths(declared)
    assert "/actions/add" in site.get("/torrents").resolve_paths("/torrents")


@pytest.mark.parametrize("name", ["pause-torrent", "resume-torrent", "remove-torrent"])
def test_what_was_not_added_here_cannot_be_changed_here(site: ActionSite, name: str) -> None:
    for torrent, reason in (
        (DECLARED.infohash, "It is declared at desired.yaml:12:5, in a file that only people change."),
        ("b" * 40, "It was not handed in"),
        ("nonsense", "The address names no torrent"),
    ):
        assert reason in site.get(f"/actions/{name}?torrent={torrent}").text
        assert site.post(f"/actions/{name}", {"torrent": torrent}).status == 409
    assert not site.intake.changes


def test_without_an_intake_it_says_what_is_missing() -> None:
    site = ActionSite(has_intake=False)
    site.sign_in()
    for path in ("/actions/add", f"/actions/pause-torrent?torrent={HASH}"):
        assert 'The desired state declares no "intake"' in site.get(path).text
    assert site.post("/actions/add", {"links": MAGNET}).status == 409
