"""The endpoints of torrents over real sockets: the statuses, the bodies, and who may change something."""

from __future__ import annotations

import http.client

import pytest
from structlog.testing import capture_logs

from reconciler.model.codes import Code
from reconciler.model.intake import IntakeError, IntakeFull, IntakeUnavailable
from reconciler.model.position import Position, Problem
from reconciler.web import StatusBoard, WebContext, serve
from reconciler.web.request_limits import MAX_BODY_BYTES
from tests.support.known_torrents import make_hash
from tests.support.rest_site import BEARER, DECLARED, PATH, MakeRestSite, RestSite
from tests.support.status_site import TOKEN

MAGNET = "magnet:?xt=urn:btih:" + "e" * 40
PROBLEM = Problem(Position("intake.yaml", 7, 5), Code.PATH, "no", "Do that")


def test_a_list_is_read_without_a_token(make_rest: MakeRestSite) -> None:
    rest = make_rest(token=None)
    first, second = rest.put_row(1), rest.put_row(2)
    page = rest.request(f"{PATH}?limit=1&text=film", headers={"Authorization": ""}).json
    assert ([t["infohash"] for t in page["torrents"]], page["total"]) == ([first], 2)
    page = rest.request(f"{PATH}?limit=1&text=film&cursor={page['next']}").json
    assert ([t["infohash"] for t in page["torrents"]], page["next"]) == ([second], None)
    assert rest.request(f"{PATH}?cursor=x").json == {
        "format_version": 1,
        "error": 'The parameter "cursor" is not the "next" of a page with this order.',
    }


@pytest.mark.parametrize("infohash", ["{v1}", "{V1}", "{v2}", "{v2:.40}"])
def test_a_torrent_is_found_by_any_of_its_ids(rest: RestSite, infohash: str) -> None:
    v2 = "2" * 64
    v1 = rest.put_row(1, infohash_v2=v2)
    rest.rows.rows = {v2[:40]: {**rest.rows.rows[v1], "hash": v2[:40]}}
    found = rest.request(f"{PATH}/" + infohash.format(v1=v1, V1=v1.upper(), v2=v2))
    assert (found.status, found.json["torrent"]["infohash_v1"]) == (200, v1)


@pytest.mark.parametrize("text", ["0" * 40, "x", "%00", "..", "a" * 3000, "\u00e9".encode().hex(), "%0d%0aX:y"])
def test_no_torrent_has_this_infohash(rest: RestSite, text: str) -> None:
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {})):
        answer = rest.request(f"{PATH}/{text}", method, body)
        assert (answer.status, answer.json["error"].startswith("No torrent")) == (404, True)


def test_only_what_was_handed_in_is_changed(rest: RestSite) -> None:
    infohash = rest.put_row(1)
    for method, body in (("DELETE", None), ("PATCH", {"category": "x"})):
        answer = rest.request(f"{PATH}/{infohash}", method, body)
        assert (answer.status, answer.json["error"]) == (404, "No torrent that was handed in has this infohash.")


def test_a_torrent_is_handed_in_once(rest: RestSite) -> None:
    added = rest.request(PATH, "POST", {"magnet": MAGNET, "category": "films"})
    assert (added.status, added.headers["location"]) == (201, f"{PATH}/{'e' * 40}")
    torrent = added.json["torrent"]
    assert (torrent["sync"], torrent["handed_in"], torrent["progress"], torrent["source"]["file"]) == (
        "pending",
        True,
        None,
        "intake.yaml",
    )
    again = rest.request(PATH, "POST", {"magnet": MAGNET})
    assert (again.status, again.headers["location"]) == (200, added.headers["location"])
    assert rest.request(added.headers["location"]).json["torrent"] == torrent


def test_a_torrent_of_a_file_of_people_is_refused_with_its_place(rest: RestSite) -> None:
    place = f"{DECLARED.position}: "
    answer = rest.request(PATH, "POST", {"magnet": f"magnet:?xt=urn:btih:{DECLARED.infohash}"})
    assert answer.status == 409
    assert answer.json["error"].startswith(place)
    assert (answer.json["problems"][0]["file"], answer.json["problems"][0]["line"]) == ("desired.yaml", 12)
    for method, body in (("PATCH", {"category": "x"}), ("DELETE", None)):
        answer = rest.request(f"{PATH}/{DECLARED.infohash}", method, body)
        assert (answer.status, answer.json["error"].startswith(place)) == (409, True)


def test_a_url_that_is_not_fetched_yet_is_accepted(rest: RestSite) -> None:
    answer = rest.request(PATH, "POST", {"torrent": "https://example.org/a.torrent"})
    assert (answer.status, answer.json["torrent"], "location" in answer.headers) == (202, None, False)
    answer = rest.request(f"{PATH}?wait=1s", "POST", {"torrent": "https://example.org/a.torrent"})
    assert (answer.status, answer.json["reached"]) == (202, False)
    path = f"{PATH}/{answer.json['id']}"
    assert rest.request(path, "PATCH", {"category": "x"}).json["torrent"] is None
    assert [entry.category for entry in rest.intake.unfetched.values()] == ["x"]
    assert rest.request(path, "DELETE").status == 202
    assert [entry.absent for entry in rest.intake.unfetched.values()] == [True]


def test_an_entry_is_changed_and_removed(rest: RestSite) -> None:
    path = f"{PATH}/{rest.request(PATH, 'POST', {'magnet': MAGNET}).json['torrent']['infohash']}"
    assert rest.request(path, "PATCH", {"category": "films"}).status == 200
    assert rest.intake.entries["e" * 40].category == "films"
    assert rest.request(path, "PATCH", {"category": None}).status == 200
    assert rest.intake.entries["e" * 40].category is None
    wrong = rest.request(path, "PATCH", {"category": 5})
    assert (wrong.status, wrong.json["problems"][0]["code"]) == (400, "E034")
    gone = rest.request(f"{path}?delete_files=true", "DELETE")
    assert (gone.status, gone.json["reached"]) == (202, None)
    entry = rest.intake.entries["e" * 40]
    assert (entry.absent, entry.delete_files) == (True, True)


def test_the_wait_ends_when_a_run_has_carried_out_the_entry(rest: RestSite) -> None:
    magnet = f"magnet:?xt=urn:btih:{make_hash(1)}"
    late = rest.request(f"{PATH}?wait=1s", "POST", {"magnet": magnet})
    assert (late.status, late.json["reached"]) == (201, False)
    rest.put_row(1)
    early = rest.request(f"{PATH}/{make_hash(1)}?wait=1s", "PATCH", {"category": "films"})
    assert early.json["reached"] is False, "no run has seen the change"
    rest.run()
    assert rest.request(f"{PATH}?wait=30s", "POST", {"magnet": magnet}).json["reached"] is True
    path = f"{PATH}/{make_hash(1)}"
    rest.intake.remove([make_hash(1)], delete_files=False)
    rest.run()
    assert rest.request(f"{path}?wait=1s", "DELETE").status == 202, "the instance still has it"
    rest.rows.rows = {}
    done = rest.request(f"{path}?wait=30s", "DELETE")
    assert (done.status, done.json["reached"]) == (200, True)


@pytest.mark.parametrize("wait", ["46s", "1m", "-1s", "1", "015s", "1s&wait=2s"])
def test_waits_that_are_refused(rest: RestSite, wait: str) -> None:
    assert rest.request(f"{PATH}?wait={wait}", "POST", {"magnet": MAGNET}).status == 400
    assert rest.intake.entries == {}


@pytest.mark.parametrize(
    ("failure", "status"),
    [(IntakeFull(PROBLEM), 409), (IntakeUnavailable(PROBLEM), 503), (IntakeError(PROBLEM), 400), (KeyError("x"), 404)],
)
def test_what_the_intake_refuses(rest: RestSite, failure: Exception, status: int) -> None:
    rest.intake.failure = failure
    answer = rest.request(PATH, "POST", {"magnet": MAGNET})
    assert answer.status == status
    if status != 404:
        assert answer.json["error"] == "intake.yaml:7:5: no. Do that"


@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("PATCH", f"{PATH}/x"), ("DELETE", f"{PATH}/x")])
def test_changes_need_the_token(make_rest: MakeRestSite, method: str, path: str) -> None:
    rest = make_rest()
    for header in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic OmEtdG9rZW4tb2YtYS1nb29kLWxlbmd0aA=="}):
        answer = rest.request(path, method, {"magnet": MAGNET}, header)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert make_rest(token=None).request(path, method, {"magnet": MAGNET}).json["error"] == (
        "Changing torrents is disabled: no token is configured (--token-file)."
    )
    assert rest.intake.entries == {}


def test_changes_need_an_intake(board: StatusBoard) -> None:
    with serve(WebContext(board, token_reader=lambda: TOKEN), "0") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("DELETE", f"{PATH}/x", headers=BEARER)
        answer = connection.getresponse()
        assert (answer.status, "intake" in answer.read().decode()) == (403, True)
        connection.close()


def test_only_an_upload_may_be_large(rest: RestSite) -> None:
    answer = rest.request(PATH, "POST", b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status, answer.json["error"]) == (413, "The body of this request can have 1 MiB.")
    form = b'--b\r\nContent-Disposition: form-data; name="torrent"; filename="x"\r\n\r\n' + b"d" * (2 << 20)
    upload = rest.request(PATH, "POST", form + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"})
    assert (upload.status, upload.json["problems"][0]["file"]) == (400, "intake.yaml")


def test_hostile_names_are_harmless(rest: RestSite) -> None:
    name = "a\r\nX: y\x1b[2J\u2028<script>##[error]\ud800"
    infohash = rest.put_row(1, name=name, category=name, tags=name, state=name)
    with capture_logs() as logs:
        for path in (PATH, f"{PATH}/{infohash}", f"{PATH}?sort=-category&limit=1"):
            answer = rest.request(path)
            assert answer.status == 200
            assert answer.body.isascii() and b"\x1b" not in answer.body and b"##[" not in answer.body
            assert "x" not in answer.headers
    assert logs == []
    assert rest.request(f"{PATH}/{infohash}").json["torrent"]["name"] == name
