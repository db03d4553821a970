"""The main job on all four real versions, through the real command."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import V2_TORRENTS
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy, answer_with_status
from tests.support.raw import RawClient
from tests.support.server_builds import Build

OURS = "reconcile:home"


def test_add_with_everything_and_then_nothing(home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path) -> None:
    linux, films = str(tmp_path / "linux"), str(tmp_path / "films")
    home.write(
        make_entry(1, name="Debian", category="linux", tags=["iso", "x y"], save_path=films, paused=True, protect=True),
        make_entry(2, category="linux"),
        make_entry(3),
        head=f"categories: {{linux: {{save_path: {linux}}}}}",
    )
    files = home.file.read_bytes()
    planned = home.run("--dry-run", "--detailed-exitcode")
    assert planned.exit_code == 2
    assert truth.list_torrents() == {}
    assert proxy.mutations == []

    applied = home.run()
    assert applied.exit_code == 0, applied.err
    assert applied.summary == {"add": 3, "settings": 1}
    assert applied.report["plan_hash"] == planned.report["plan_hash"]

    first, second, third = truth.read_torrent(1), truth.read_torrent(2), truth.read_torrent(3)
    assert (first["name"], first["category"], first["save_path"].rstrip("/")) == ("Debian", "linux", films)
    assert first["tags"] == {OURS, "reconcile:protect", "iso", "x y"}
    assert (second["auto_tmm"], second["save_path"].rstrip("/")) == (True, linux)
    assert (third["auto_tmm"], third["category"], third["tags"]) == (False, "", {OURS})
    assert truth.list_stopped() == {make_infohash(1)}

    proxy.clear()
    again = home.run("--detailed-exitcode", "--dry-run")
    assert (again.exit_code, again.summary) == (0, {"unchanged": 3})
    assert home.run().exit_code == 0
    assert proxy.mutations == [], "P1: a converged instance is left alone"
    assert home.file.read_bytes() == files, "P6: the desired state is never written"


def test_every_drift_is_healed(home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path) -> None:
    right_path, wrong_path = str(tmp_path / "here"), str(tmp_path / "there")
    home.write(
        make_entry(
            1, name="Debian", category="linux", tags={"only": ["iso"]}, save_path=right_path, paused=True, protect=True
        ),
        make_entry(2, paused=False, tags=["mine"]),
        head=f"categories: {{linux: {{save_path: {right_path}}}}}",
    )
    assert home.run().exit_code == 0
    truth.post("torrents/createCategory", category="wrong", savePath="")
    truth.post("torrents/setCategory", hashes=make_infohash(1), category="wrong")
    truth.post("torrents/rename", hash=make_infohash(1), name="renamed by hand")
    truth.post("torrents/setLocation", hashes=make_infohash(1), location=wrong_path)
    truth.post("torrents/editCategory", category="linux", savePath=wrong_path)
    truth.add_tags([1], "stray")
    truth.remove_tags([1], "iso", "reconcile:protect")
    truth.add_tags([2], "theirs")
    truth.remove_tags([2], "mine")
    truth.start_torrents(1)
    truth.stop_torrents(2)
    truth.wait_until(lambda: truth.list_shown_stopped() == {make_infohash(2)})

    planned = home.run("--dry-run", "--detailed-exitcode")
    assert planned.exit_code == 2
    assert planned.actions() == [
        "update linux save_path planned",
        "update Debian name,category,tags,save_path,paused,protect planned",
        "update torrent-2 tags,paused planned",
    ]
    healed = home.run()
    assert healed.exit_code == 0, healed.out

    first, second = truth.read_torrent(1), truth.read_torrent(2)
    assert (first["name"], first["category"], first["save_path"].rstrip("/")) == ("Debian", "linux", right_path)
    assert first["tags"] == {OURS, "reconcile:protect", "iso"}
    assert second["tags"] == {OURS, "mine", "theirs"}
    assert truth.list_stopped() == {make_infohash(1)}
    assert truth.list_categories()["linux"]["savePath"].rstrip("/") == right_path
    proxy.clear()
    assert home.run().summary == {"unchanged": 2}
    assert proxy.mutations == []


def test_existing_torrents_are_adopted_with_their_drift(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1), make_magnet(2)])
    home.write(make_entry(1), make_entry(2, paused=False, tags=["x"]))
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"adopt": 2})
    assert done.actions() == ["adopt torrent-1 owner applied", "adopt torrent-2 owner,tags,paused applied"]
    assert truth.read_torrent(1)["tags"] == {OURS}
    assert truth.read_torrent(2)["tags"] == {OURS, "x"}
    assert truth.list_stopped() == {make_infohash(1)}
    assert home.run().summary == {"unchanged": 2}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_only_owned_undeclared_torrents_are_pruned(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(7), make_magnet(8)])
    truth.add_tags([8], "reconcile:somebody")
    home.write(*make_entries(5))
    assert home.run().exit_code == 0
    truth.add_tags([3], "reconcile:protect")
    truth.add_tags([4], "reconcile:ignore")
    truth.add_tags([2], "reconcile:somebody")

    home.write(make_entry(0))
    pruned = home.run()
    assert (pruned.exit_code, pruned.summary) == (0, {"delete": 1, "unchanged": 1, "spared": 3})
    reasons = {item["name"]: item["reason"] for item in pruned.instance()["spared"]}
    assert reasons == {
        "torrent-2": 'it belongs to the owner "somebody" as well',
        "torrent-3": "it has the tag reconcile:protect",
        "torrent-4": "it has the tag reconcile:ignore",
    }
    assert set(truth.list_torrents()) == {make_infohash(n) for n in (0, 2, 3, 4, 7, 8)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_declared_absent_deletes_a_torrent_that_was_never_ours(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1), make_magnet(2)])
    home.write(make_entry(1, state="absent"), make_entry(3, state="absent"), make_entry(0))
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1, "delete": 1, "unchanged": 1})
    assert set(truth.list_torrents()) == {make_infohash(0), make_infohash(2)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_another_owner_is_refused_until_it_is_taken_over(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1)], tags="reconcile:work", category="")
    truth.add_tags([1], "reconcile:work")
    home.write(make_entry(1, paused=False), make_entry(2))
    blocked = home.run()
    assert (blocked.exit_code, blocked.summary) == (1, {"add": 1, "blocked": 1})
    assert truth.read_torrent(1)["tags"] == {"reconcile:work"}
    assert make_infohash(1) in truth.list_stopped()

    taken = home.run("--take-over")
    assert (taken.exit_code, taken.summary) == (0, {"adopt": 1, "unchanged": 1})
    assert truth.read_torrent(1)["tags"] == {OURS}
    assert make_infohash(1) not in truth.list_stopped()


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_an_ignored_torrent_is_left_alone_entirely(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1)])
    truth.add_tags([1], "reconcile:ignore")
    home.write(make_entry(1, paused=False, category="x", tags=["y"]))
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"spared": 1})
    assert truth.read_torrent(1)["tags"] == {"reconcile:ignore"}
    assert proxy.mutations == []


@pytest.mark.builds("4.2.5", "5.3.0")  # the tag follows the add, or comes with it
def test_what_a_reply_left_out_is_not_claimed_by_an_add(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1), make_magnet(2)])
    truth.add_tags([1], "reconcile:ignore")
    truth.add_tags([2], "reconcile:work")
    home.write(make_entry(1, paused=False, files=[{"match": "*", "priority": "skip"}]), make_entry(2, paused=False))
    proxy.add_fault("torrents/info", answer_with_status(200, "[]", "application/json"))
    done = home.run()
    assert (done.exit_code, [action["error"] for action in done.instance()["actions"]]) == (
        1,
        [
            "it was there already, with the tag reconcile:ignore",
            'it was there already, and belongs to the owner "work"',
        ],
    )
    assert [truth.read_torrent(number)["tags"] for number in (1, 2)] == [{"reconcile:ignore"}, {"reconcile:work"}]
    assert truth.list_stopped() == {make_infohash(1), make_infohash(2)}
    assert home.run().summary == {"spared": 1, "blocked": 1}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_the_guard_refuses_and_its_hash_approves_once(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(*make_entries(6), head="guard: {max_delete: 2}")
    assert home.run().exit_code == 0
    home.write(make_entry(0), make_entry(9), head="guard: {max_delete: 2}")
    for options in (["--dry-run"], []):
        refused = home.run(*options)
        assert refused.exit_code == 3
        assert refused.report["guard"]["refused"]
        assert refused.summary == {"add": 1, "delete": 5, "unchanged": 1}, "shown in full"
    assert len(truth.list_torrents()) == 6, "and executed not at all"

    digest = refused.report["plan_hash"]
    assert home.run("--accept-plan", digest[:-1] + ("0" if digest[-1] != "0" else "1")).exit_code == 3
    truth.add_magnets([make_magnet(7)])
    truth.add_tags([7], OURS)
    assert home.run("--accept-plan", digest).exit_code == 3, "the world has changed"

    home.write(
        make_entry(0), make_entry(9), head=f"guard: {{max_delete: 2}}\naccept_plan: {home.run().report['plan_hash']}"
    )
    accepted = home.run()
    assert (accepted.exit_code, accepted.summary) == (0, {"add": 1, "delete": 6, "unchanged": 1})
    assert set(truth.list_torrents()) == {make_infohash(0), make_infohash(9)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_an_empty_list_never_deletes(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    home.write()
    assert home.run().exit_code == 3
    assert set(truth.list_torrents()) == {make_infohash(1)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_upsert_corrects_drift_and_never_deletes(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1), make_entry(2))
    assert home.run().exit_code == 0
    home.write(make_entry(1, paused=True), make_entry(3), policy="upsert")
    assert home.run().summary == {"add": 1, "update": 1, "spared": 1}
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(2), make_infohash(3)}


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
def test_create_only_changes_no_existing_torrent(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1)])
    home.write(make_entry(1, paused=False), make_entry(2), policy="create-only")
    assert home.run().summary == {"add": 1, "spared": 1}
    assert truth.read_torrent(1)["tags"] == set()
    assert make_infohash(1) in truth.list_stopped()


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by tags that all versions show alike
@pytest.mark.parametrize("where", ["everywhere", "there"])
def test_suspended_plans_and_touches_nothing(where: str, home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1), head="suspend: true" if where == "everywhere" else "")
    if where == "there":
        text = home.file.read_text().replace("    timeout:", "    suspend: true\n    timeout:")
        home.file.write_text(text)
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1})
    assert done.instance()["status"] == "suspended"
    assert done.actions() == ["add torrent-1 owner,paused planned"]
    assert proxy.mutations == []


def test_a_missing_category_is_a_visible_action(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1)])
    home.write(make_entry(1, category="films/free"), make_entry(2, category="new"))
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1, "adopt": 1, "settings": 2})
    assert {"films/free", "new"} <= set(truth.list_categories())
    assert (truth.read_torrent(1)["category"], truth.read_torrent(2)["category"]) == ("films/free", "new")
    assert home.run().summary == {"unchanged": 2}


def test_the_number_of_requests_does_not_depend_on_the_torrents(home: Home, proxy: Proxy, truth: RawClient) -> None:
    counts = []
    for number in (3, 100):
        home.write(*make_entries(number, paused=True))
        assert home.run().exit_code == 0
        truth.wait_until(lambda: not any("checking" in row["state"] for row in truth.list_torrents().values()))
        proxy.clear()
        assert home.run().exit_code == 0
        counts.append(len(proxy.requests))
    assert counts[0] == counts[1] <= 6


def test_hashes_in_every_writing_are_one_torrent(home: Home, proxy: Proxy, truth: RawClient, build: Build) -> None:
    import base64

    base32 = base64.b32encode(bytes.fromhex(make_infohash(1))).decode()
    v2 = "ab" * 32
    home.write(
        f"{{magnet: 'magnet:?xt=urn:btih:{base32}&dn=torrent-1'}}",
        f"{{magnet: 'MAGNET:?dn=two&xt=urn:btih:{make_infohash(2).upper()}'}}",
        f"{{magnet: 'magnet:?xt=urn:btih:{make_infohash(3)}&xt=urn:btmh:1220{v2}&dn=hybrid'}}",
    )
    assert home.run().exit_code == 0
    expected = v2[:40] if build.has(V2_TORRENTS) else make_infohash(3)
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(2), expected}
    assert home.run().summary == {"unchanged": 3}


def test_an_unsupported_option_is_reported_on_its_action(
    home: Home, proxy: Proxy, truth: RawClient, build: Build
) -> None:
    v2 = "cd" * 32
    home.write(f"{{magnet: 'magnet:?xt=urn:btmh:1220{v2}&dn=two'}}", make_entry(1))
    done = home.run()
    if not build.has(V2_TORRENTS):
        assert (done.exit_code, done.summary) == (1, {"add": 1, "blocked": 1})
        reasons = [action["reason"] for action in done.instance()["actions"] if action["outcome"] == "blocked"]
        is_new = build.api_version >= V2_TORRENTS.since
        others = "a build on libtorrent 2 has them" if is_new else "4.4 and later do"
        assert len(reasons) == 1 and reasons[0].endswith(f" has no v2 torrents; {others}"), reasons
    else:
        assert (done.exit_code, done.summary) == (0, {"add": 2})
        assert v2[:40] in truth.list_torrents()


def test_url_username_and_password_come_from_stores_that_add_line_breaks(
    home: Home, any_server: QbittorrentServer
) -> None:
    (home.folder / "url").write_bytes(f"{any_server.url}\r\n".encode())
    (home.folder / "password").write_bytes(f"\ufeff{any_server.password}".encode())
    home.environ |= {"BOX_USERNAME": f"{any_server.username}\n", "BOX_PASSWORD": f"{any_server.password}\r\n"}
    head = "version: 1\nowner: home\npolicy: sync\ntorrents: []\ninstances:\n"
    for password in ("{env: BOX_PASSWORD}", "{file: password}"):
        login = f"url: {{file: url}}, username: {{env: BOX_USERNAME}}, password: {password}"
        home.file.write_text(f"{head}  box: {{{login}}}\n")
        assert home.run().instance()["status"] == "ok"


def test_misspelt_variables_and_placeholders_contact_nothing(home: Home, box: Proxy) -> None:
    home.write(make_entry(1))
    refused = home.run(environ={"RECONCILE_DRYRUN": "1"})
    assert (refused.exit_code, box.requests) == (4, [])
    assert "RECONCILE_DRY_RUN" in refused.err

    text = home.file.read_text()
    for written in (text.replace("{env: BOX_PASSWORD}", "${BOX_PASSWORD}"), text + "    category: ${CATEGORY}\n"):
        home.file.write_text(written)
        refused = home.run()
        assert (refused.exit_code, box.requests) == (4, [])
        assert "the placeholder ${NAME} is not filled in" in refused.err
