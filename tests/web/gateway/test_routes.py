"""The gateway is there as long as it is declared, and refuses in the words of qBittorrent 5.1."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.rows import InstanceRows
from tests.support.asgi_calls import call_app
from tests.support.catalogues import make_rows
from tests.support.gateway_apps import GatewayApp


def test_it_is_there_as_long_as_it_is_declared() -> None:
    world = GatewayApp(make_rows("home"))
    assert world.get("app/version").status == 200
    settings, world.desired = world.desired.gateway, replace(world.desired, gateway=None)
    assert (world.get("app/version").status, world.get("app/version").text) == (404, "Not Found")
    world.desired = replace(world.desired, gateway=settings)
    assert world.get("app/version").status == 403  # all sessions have ended
    world.cookie = world.log_in()
    assert world.get("app/version").status == 200


def test_nobody_gets_in_without_a_session() -> None:
    world = GatewayApp(make_rows("home"))
    for path in ("app/version", "torrents/info", "nonsense/nonsense"):
        answer = world.get(path, cookie="")
        assert (answer.status, answer.text) == (403, "Forbidden")


def test_other_methods_are_refused() -> None:
    world = GatewayApp(make_rows("home"))
    answer = call_app(world.app, "DELETE", "/api/v2/torrents/info", headers={"cookie": world.cookie})
    assert (answer.status, answer.text) == (501, "")
    answer = call_app(world.app, "GET", "/api/v2/auth/logout", headers={"cookie": world.cookie})
    assert (answer.status, answer.text) == (405, "Method Not Allowed")


def test_a_fault_of_ours_says_nothing_about_itself() -> None:
    world = GatewayApp(make_rows("home"))

    def fail(*, is_urgent: bool = False) -> dict[str, InstanceRows]:
        raise RuntimeError("secret")

    world.rows.read = fail  # type: ignore[method-assign]
    answer = world.get("torrents/info")
    assert (answer.status, answer.text) == (500, "Internal Server Error")
