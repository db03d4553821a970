"""The endpoints that read answer as qBittorrent 5.1 does, from memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.gateway import Shows
from reconciler.model.rows import Reply
from tests.support.catalogues import make_entry, make_row, make_rows
from tests.support.gateway_apps import GatewayApp

A = "a" * 40
JSON = "application/json"


def make_world(**fields: Any) -> GatewayApp:
    server_state = {"dl_info_speed": 5, "use_alt_speed_limits": True, "up_rate_limit": 7}
    rows = make_rows("home", make_row("a", up_limit=9), make_row("b"), server_state=server_state, tags=("hd",))
    return GatewayApp(rows, **fields)


def test_it_says_one_version_and_no_other() -> None:
    world = make_world()
    assert (world.get("app/version").text, world.get("app/webapiVersion").text) == ("v5.1.0", "2.11.4")
    assert world.get_json("app/buildInfo")["platform"] == "linux"
    assert world.get("app/version").get_header("content-type") == "text/plain; charset=utf-8"


def test_lists_come_from_memory() -> None:
    world = make_world()
    assert [row["hash"][0] for row in world.get_json("torrents/info", sort="hash", reverse="true")] == ["b", "a"]
    assert world.get("torrents/count").text == "2"
    assert world.get_json("torrents/tags") == ["hd"]
    assert world.get_json("torrents/uploadLimit", hashes=f"{A}|{'0' * 40}") == {A: 9, "0" * 40: -1}
    assert (world.get("transfer/speedLimitsMode").text, world.get("transfer/uploadLimit").text) == ("1", "7")
    assert world.get_json("transfer/info")["dl_info_speed"] == 5
    assert world.rows.asked == []


def test_parameters_of_a_post_are_in_its_body() -> None:
    world = make_world()
    assert len(json.loads(world.post("torrents/info", hashes=A).body)) == 1
    assert len(json.loads(world.post("torrents/info?hashes=" + A).body)) == 2


@pytest.mark.parametrize(
    ("endpoint", "parameters", "status", "text"),
    [
        ("torrents/properties", {}, 400, "Bad Request"),
        ("torrents/files", {}, 400, "Bad Request"),
        ("torrents/uploadLimit", {}, 400, "Bad Request"),
        ("torrents/files", {"hash": "0" * 40}, 404, "Not Found"),
        ("sync/torrentPeers", {}, 404, "Not Found"),
        ("torrents/nonsense", {}, 404, "Not Found"),
        ("nonsense/info", {}, 404, "Not Found"),
        ("torrents/info", {"sort": "nonsense"}, 400, "'sort' parameter is invalid"),
        ("torrents/files", {"hash": A}, 503, "home: it is away"),
    ],
)
def test_errors(endpoint: str, parameters: dict[str, str], status: int, text: str) -> None:
    answer = make_world().get(endpoint, **parameters)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(("shows", "shown"), [(Shows.INTAKE, "c"), (Shows.OWNED, "bc"), (Shows.ALL, "abc")])
def test_a_client_sees_only_what_is_shown(shows: Shows, shown: str) -> None:
    world = GatewayApp(make_rows("home", make_row("a"), make_row("b", tags="reconcile:me")), shows=shows)
    world.hand_in(make_entry("c"))
    assert "".join(sorted(row["hash"][0] for row in world.get_json("torrents/info"))) == shown
    for letter in "abc":
        status = world.get("torrents/properties", hash=letter * 40).status
        assert (status == 404) is (letter not in shown)


def test_trackers_cost_one_request_to_each_instance() -> None:
    world = make_world()
    reply = [{"hash": A, "trackers": [{"url": "http://t"}]}]
    world.rows.replies["torrents/info"] = Reply(200, json.dumps(reply).encode(), JSON)
    rows = {row["hash"]: row["trackers"] for row in world.get_json("torrents/info", includeTrackers="true")}
    assert rows == {A: [{"url": "http://t"}], "b" * 40: []}
    assert world.rows.asked == [("home", "torrents/info", {"includeTrackers": "true", "hashes": f"{A}|{'b' * 40}"})]


def test_each_session_has_its_own_deltas() -> None:
    world = make_world()
    other = world.log_in()
    assert world.get_json("sync/maindata")["full_update"]
    assert world.get_json("sync/maindata", rid="1") == {"rid": 2}
    assert world.get_json("sync/maindata", cookie=other, rid="1")["full_update"]
    world.set_rows(
        make_rows("home", make_row("a"), server_state=world.rows.instances["home"].server_state, tags=("hd",))
    )
    delta = world.get_json("sync/maindata", rid="2")
    assert (delta["torrents"], delta["torrents_removed"]) == ({A: {"up_limit": 0}}, ["b" * 40])


def test_paths_of_preferences_and_properties_are_as_clients_see_them() -> None:
    world = make_world()
    mapped = {name: replace(instance, path_map={"/data": "/mnt"}) for name, instance in world.desired.instances.items()}
    world.desired = replace(world.desired, instances=mapped)
    world.rows.replies["app/preferences"] = Reply(200, b'{"save_path": "/data/x"}', JSON)
    world.rows.replies["torrents/properties"] = Reply(200, b'{"save_path": "/data/x"}', JSON)
    assert world.get_json("app/preferences")["save_path"] == "/mnt/x"
    assert world.get("app/defaultSavePath").text == "/mnt/x"
    assert world.get_json("torrents/properties", hash=A)["save_path"] == "/mnt/x"
    assert world.get_json("torrents/info", hashes=A)[0]["save_path"] == "/mnt"
