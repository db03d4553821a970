"""The routes over plain HTTP."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.position import Problem
from reconciler.web import WebContext, read_token, serve
from tests.support.example_runs import converged, make_position, planned
from tests.support.fake_time import FakeTime
from tests.support.planner_inputs import make_snapshot
from tests.support.saved_snapshots import render_snapshot
from tests.support.status_site import NOON, TOKEN, MakeStatusSite, StatusSite, make_finished_run

PATHS = ["/", "/healthz/live", "/healthz/ready", "/metrics", "/api/v1/status", "/api/v1/plan"]
PROBLEM = Problem(make_position(12), "E030", "no")
LIVE_STATE = LiveState(
    NOON, "home", (LiveInstance("home", "http://home", make_snapshot([{"hash": "x", "name": "Sintel"}])),)
)


def bearer(token: str = TOKEN.reveal()) -> dict[str, str]:
    """The header that permits."""
    return {"Authorization": f"Bearer {token}"}


def basic(password: str) -> dict[str, str]:
    """Return the header that a client sends for `http://anybody:PASSWORD@host`."""
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()}


def test_live_until_the_loop_is_stuck(site: StatusSite, time: FakeTime) -> None:
    answer = site.request("/healthz/live")
    assert (answer.status, answer.text) == (200, "ok\n")
    time.moment = 181
    answer = site.request("/healthz/live")
    assert (answer.status, answer.text) == (503, "stuck: no run has begun for 181 s; the interval is 60 s\n")


def test_ready_after_a_first_complete_read(site: StatusSite) -> None:
    assert site.request("/healthz/ready").text == "not ready: no run has ended yet\n"
    site.board.on_run_end(make_finished_run(planned()))
    answer = site.request("/healthz/ready")
    assert answer.status == 503
    assert "attic (no connection" in answer.text
    site.board.on_run_end(make_finished_run(converged()))
    assert site.request("/healthz/ready").status == 200
    site.board.on_run_end(make_finished_run(planned(), problems=(PROBLEM,)))
    answer = site.request("/healthz/ready")
    assert (answer.status, answer.text) == (200, "ok, but the desired state is invalid: 1 found\n")


def test_every_answer_has_the_safe_headers(site: StatusSite) -> None:
    for path in [*PATHS, "/nowhere", "/api/nowhere"]:
        headers = site.request(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == ("same-origin" if path == "/" else "no-referrer"), "for forms of pages"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_reading_is_by_get_and_head_alone(site: StatusSite, method: str) -> None:
    for path in PATHS:
        assert site.request(path, method).status == 405
    assert site.request("/healthz/live", "HEAD").body == b""


def test_unknown_path_is_reported_without_repeating_it(site: StatusSite) -> None:
    answer = site.request("/<script>")
    assert (answer.status, answer.text) == (404, "Not Found\n")
    assert site.request("/api/v1/nowhere").json["error"] == "Not Found"


@pytest.mark.parametrize("header", [bearer(), basic(TOKEN.reveal()), {"authorization": f"bearer  {TOKEN.reveal()} "}])
def test_run_can_be_requested_with_the_token(site: StatusSite, header: dict[str, str]) -> None:
    assert site.request("/-/reload", "POST", header).status == 202
    assert len(site.run_requests) == 1


WRONG = [
    {},
    bearer("wrong"),
    bearer(""),
    bearer(TOKEN.reveal()[:-1]),
    bearer(TOKEN.reveal() + "é"),
    basic("wrong"),
    basic(""),
    {"Authorization": TOKEN.reveal()},
    {"Authorization": "Basic %%%"},
    {"Authorization": f"Digest {TOKEN.reveal()}"},
]


@pytest.mark.parametrize("header", WRONG)
def test_a_wrong_token_is_refused(site: StatusSite, header: dict[str, str]) -> None:
    answer = site.request("/-/reload", "POST", header)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN.reveal() not in answer.text
    assert site.run_requests == []


def test_reload_is_disabled_without_a_token(make_site: MakeStatusSite) -> None:
    site = make_site(token=None)
    answer = site.request("/-/reload", "POST", bearer())
    assert (answer.status, answer.text) == (403, "Reload is disabled: no token is configured (--token-file).\n")
    assert site.run_requests == []


def test_replaced_token_is_valid_at_once(make_site: MakeStatusSite, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN.reveal())
    site = make_site(token=partial(read_token, file))
    assert site.request("/-/reload", "POST", bearer()).status == 202
    other = "another-token-of-a-good-length"
    file.write_text(other)
    assert site.request("/-/reload", "POST", bearer()).status == 401
    assert site.request("/-/reload", "POST", bearer(other)).status == 202
    file.unlink()
    with capture_logs() as logs:
        assert site.request("/-/reload", "POST", bearer(other)).status == 503
    assert [line["reason"] for line in logs] == [f"{file}: No such file or directory"]
    assert len(site.run_requests) == 2


def test_the_snapshot_needs_the_token(site: StatusSite, make_site: MakeStatusSite) -> None:
    path = "/api/v1/snapshot"
    site.board.on_run_end(replace(make_finished_run(planned()), live_state=LIVE_STATE))
    for header in WRONG:
        answer = site.request(path, headers=header)
        assert (answer.status, "Sintel" in answer.text) == (401, False)
    assert make_site(token=None).request(path, headers=bearer()).status == 403
    answer = site.request(path, headers=bearer())
    assert (answer.status, answer.text) == (200, render_snapshot(LIVE_STATE))
    hashed = site.request(f"{path}?hash_names=true", headers=bearer())
    assert hashed.text == render_snapshot(LIVE_STATE, hash_names=True) and "Sintel" not in hashed.text


def test_there_is_no_snapshot_before_the_first_run(site: StatusSite) -> None:
    answer = site.request("/api/v1/snapshot", headers=bearer())
    assert (answer.status, answer.json["error"]) == (503, "no run has ended yet")


def test_get_never_requests_a_run(site: StatusSite) -> None:
    assert site.request("/-/reload", "GET", bearer()).status == 405
    assert site.run_requests == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9470", "127.0.0.1.evil.example", "localhost.e", "@", "["]
)
def test_foreign_host_name_is_rejected_on_loopback(site: StatusSite, host: str) -> None:
    answer = site.request("/api/v1/plan", headers={"Host": host})
    assert answer.status == 421
    assert "evil" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:9470", "10.1.2.3:9470", "LOCALHOST"])
def test_addresses_and_localhost_are_accepted_on_loopback(site: StatusSite, host: str) -> None:
    assert site.request("/healthz/live", headers={"Host": host}).status == 200


def test_any_host_name_is_accepted_on_a_public_address(make_site: MakeStatusSite) -> None:
    site = make_site(listen="0.0.0.0:0")
    assert site.request("/healthz/live", headers={"Host": "reconcile.media.svc"}).status == 200


def test_host_header_is_not_reflected(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(planned()))
    for path in PATHS:
        assert b"10.9.8.7" not in site.request(path, headers={"Host": "10.9.8.7"}).body


def test_the_token_is_nowhere(site: StatusSite) -> None:
    with capture_logs() as logs:
        site.request("/-/reload", "POST", bearer())
        shown = b"".join(site.request(path, headers=bearer()).body for path in PATHS)
    assert TOKEN.reveal().encode() not in shown
    assert TOKEN.reveal() not in str(logs)


def test_internal_error_is_500_and_logged_and_the_server_continues(site: StatusSite) -> None:
    def broken() -> None:
        raise RuntimeError("broken by the test")

    with (
        capture_logs() as logs,
        serve(WebContext(site.board, request_reload=broken, token_reader=lambda: TOKEN), "0") as server,
    ):
        other = StatusSite(site.board, server, [])
        answer = other.request("/-/reload", "POST", bearer())
        assert (answer.status, answer.text) == (500, "Internal error; see the log.\n")
        assert answer.headers["x-frame-options"] == "DENY"
        assert other.request("/healthz/live").status == 200
    assert any(log["log_level"] == "error" and "exc_info" in log for log in logs)


def test_many_readers_at_once(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(planned()))
    statuses: list[int] = []

    def read() -> None:
        statuses.extend(site.request(path).status for path in PATHS * 5)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 240
    assert sorted(set(statuses)) == [200, 503], "only not ready yet"
