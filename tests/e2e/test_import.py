"""`reconcile import` on all four real versions: its entries only adopt, and then nothing is left to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.desired import load
from reconciler.model.desired import Instance
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import TORRENT_EXPORT, V2_TORRENTS
from reconciler.qbittorrent import Session
from tests.conftest import MakeServer
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build
from tests.support.torrents import TORRENT_KINDS, TorrentKind, make_torrent

V1, V2 = "cd" * 20, "ef" * 32
PRIVATE = "&tr=http%3A%2F%2Ftracker.example%2F0123456789abcdef%2Fannounce"


def hashes_of(data: bytes) -> InfoHashes:
    return parse_metainfo(data).infohashes


def settle(truth: RawClient, folder: Path) -> None:
    """A library as people have it: categories with paths, automatic and manual, odd names, other owners."""
    linux, films = folder / "linux", folder / "films x"
    truth.post("torrents/createCategory", category="linux", savePath=str(linux))
    truth.post("torrents/createCategory", category="a b/ü", savePath="")
    truth.add_magnets([make_magnet(n) for n in range(4)], category="linux", autoTMM="true")
    truth.add_magnets([make_magnet(4) + PRIVATE], savepath=str(films))
    truth.add_magnets([make_magnet(5, "odd%20%22name%22%20%23%20%C3%BC")], category="a b/ü", savepath=str(films))
    truth.add_magnets([make_magnet(6), make_magnet(7), make_magnet(8)])
    truth.add_magnets([f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}&dn=hybrid"])
    truth.add_tags(range(3), "iso", "x: y", "yes", "[z", "${TAG}", "{{ x }}")
    truth.add_tags([6], "reconcile:work")
    truth.add_tags([7], "reconcile:ignore")
    truth.add_tags([5], "reconcile:protect")
    truth.start_torrents(1, 5)
    truth.wait_until(
        lambda: (
            make_infohash(1) not in truth.list_shown_stopped() and make_infohash(5) not in truth.list_shown_stopped()
        )
    )


def test_an_import_plans_adoptions_once_and_then_nothing(home: Home, proxy: Proxy, truth: RawClient) -> None:
    settle(truth, home.folder)
    home.write(make_entry(8, paused=True))
    before = home.file.read_bytes()
    proxy.clear()
    wrote = home.run_arguments("import", "-o", "imported.yaml")
    assert wrote.exit_code == 0, wrote.err
    assert wrote.out.startswith("imported.yaml: 7 torrents; 3 skipped")
    assert "passkey" in wrote.err and "0123456789abcdef" not in wrote.out + wrote.err
    assert proxy.mutations == []
    assert home.file.read_bytes() == before
    imported = home.folder / "imported.yaml"
    assert imported.stat().st_mode & 0o777 == 0o600
    text = imported.read_text(encoding="utf-8")
    assert 'belongs to the owner "work"' in text and "it has the tag reconcile:ignore" in text
    assert "0123456789abcdef" in text, "the file is the user's own, and a magnet without its tracker finds nobody"

    both = ("-f", "desired.yaml", "-f", "imported.yaml")
    planned = home.run(*both, "--dry-run")
    assert planned.summary == {"adopt": 8}, planned.out
    changes = [c["field"] for action in planned.instance()["actions"] for c in action["changes"]]
    assert set(changes) == {"owner"}
    assert home.run(*both).summary == {"adopt": 8}
    proxy.clear()
    assert home.run(*both).summary == {"unchanged": 8}
    assert proxy.mutations == []
    assert home.run_arguments("import", *both).out.count("- #") == 0


def test_an_import_rebuilds_the_library_on_an_empty_server(
    home: Home, proxy: Proxy, truth: RawClient, version: str, make_server: MakeServer
) -> None:
    settle(truth, home.folder)
    home.write()
    assert home.run_arguments("import", "-o", "imported.yaml").exit_code == 0
    fresh = make_server(version)
    home.environ["BOX_PASSWORD"] = fresh.password
    home.file.write_text(home.file.read_text().replace(proxy.url, fresh.url))
    done = home.run("-f", "desired.yaml", "-f", "imported.yaml")
    assert (done.exit_code, done.summary["add"]) == (0, 8), done.out
    original, imported = truth.list_torrents(), RawClient(fresh).list_torrents()
    assert set(imported) == set(original) - {make_infohash(6), make_infohash(7)}
    for key, row in imported.items():
        for field in ("category", "auto_tmm", "magnet_uri"):
            assert row[field] == original[key][field], field
        assert row["save_path"].rstrip("/") == original[key]["save_path"].rstrip("/")
    assert {*RawClient(fresh).list_stopped()} == truth.list_stopped() - {make_infohash(6), make_infohash(7)}


def test_two_instances_and_a_filter(home: Home, make_server: MakeServer) -> None:
    first, second = make_server(), make_server("4.5.2")
    for name, server in (("one", first), ("two", second)):
        home.add_instance(server.url, server.username, server.password, name)
        RawClient(server).post("torrents/createCategory", category="linux", savePath=str(home.folder / name))
        RawClient(server).add_magnets([make_magnet(n) for n in range(3)], category="linux", autoTMM="true")
        RawClient(server).add_magnets([make_magnet(9)], category="films")
    home.write()
    printed = home.run_arguments("import", "--instance", "two", "--category", "linux")
    assert printed.exit_code == 0, printed.err
    (home.folder / "two.yaml").write_text(printed.out)
    desired = load([home.file, home.folder / "two.yaml"], home.environ)
    assert {(entry.instance, entry.category) for entry in desired.torrents} == {("two", "linux")}
    assert desired.categories_of("two")["linux"].save_path == str(home.folder / "two")
    assert desired.categories_of("one") == {}, "there the category has another path"

    both = ("-f", "desired.yaml", "-f", "two.yaml")
    home.run_arguments("import", *both, "-o", "rest.yaml")
    planned = home.run(*both, "-f", "rest.yaml", "--dry-run")
    assert planned.summary == {"adopt": 8}, "and no category is changed"

    second.kill()
    assert home.run_arguments("import", "-o", "more.yaml").exit_code == 1
    assert not (home.folder / "more.yaml").exists(), "half a library is none"
    assert home.run_arguments("import", "--instance", "one", "-o", "more.yaml").exit_code == 0


def test_an_import_can_be_appended_to_the_file(home: Home, any_server: QbittorrentServer) -> None:
    RawClient(any_server).add_magnets([make_magnet(1)])
    home.add_instance(any_server.url, any_server.username, any_server.password)
    home.write()
    printed = home.run_arguments("import")
    with home.file.open("a") as file:
        file.write(printed.out)
    assert home.run("--dry-run").summary == {"adopt": 1}


def test_an_import_suggests_the_next_command(home: Home, any_server: QbittorrentServer) -> None:
    RawClient(any_server).add_magnets([make_magnet(1), make_magnet(2)])
    home.add_instance(any_server.url, any_server.username, any_server.password)
    home.write()
    lines = home.run_arguments("import", "-o", "a b.yaml", "--category", "").out.splitlines()
    assert lines[:2] == ["a b.yaml: 2 torrents", "next: reconcile -f desired.yaml -f 'a b.yaml' --dry-run"]
    (home.folder / "a b.yaml").unlink()
    assert (
        home.run_arguments("import", "-f", ".", "-o", "all.yaml").out.splitlines()[1]
        == "next: reconcile -f . --dry-run"
    )
    assert home.run("-f", ".", "--dry-run").summary == {"adopt": 2}


@pytest.mark.parametrize("existing", ["file", "link"])
def test_an_import_overwrites_no_file(home: Home, any_server: QbittorrentServer, existing: str) -> None:
    home.add_instance(any_server.url, any_server.username, any_server.password)
    home.write()
    target = home.folder / "imported.yaml"
    if existing == "file":
        target.write_text("mine")
    else:
        target.symlink_to(home.folder / "nowhere")
    refused = home.run_arguments("import", "-o", "imported.yaml")
    assert refused.exit_code == 4
    assert "exists and is not overwritten" in refused.err
    assert target.is_symlink() or target.read_text() == "mine"


def test_torrent_files_are_exported_for_the_entries(
    home: Home, proxy: Proxy, truth: RawClient, build: Build, make_server: MakeServer
) -> None:
    kinds: tuple[TorrentKind, ...] = TORRENT_KINDS if build.has(V2_TORRENTS) else ("v1",)
    made = {str(hashes_of(data)): data for data in (make_torrent(n, kind) for n, kind in enumerate(kinds))}
    with Session(Instance("box", Position("", 1, 1), proxy.url, "admin", Secret(home.environ["BOX_PASSWORD"]))) as box:
        for name, data in made.items():
            box.add_torrent_files({name: data}, AddOptions(stopped=True, auto_tmm=False))
    truth.add_magnets([make_magnet(7)])
    truth.wait_until(lambda: len(truth.list_torrents()) == len(made) + 1)
    home.write()
    wrote = home.run_arguments("import", "-o", "imported.yaml", "--torrents", "files")
    if not build.has(TORRENT_EXPORT):
        assert wrote.exit_code == 1
        assert "exports no .torrent files; 4.5 and later do" in wrote.err
        assert not (home.folder / "imported.yaml").exists()
        return
    assert wrote.exit_code == 0, wrote.err
    files = home.folder / "files"
    assert {path.name: str(hashes_of(path.read_bytes())) for path in files.iterdir()} == {
        f"{infohash}.torrent": infohash for infohash in made
    }
    assert {path.stat().st_mode & 0o777 for path in files.iterdir()} == {0o600}
    text = (home.folder / "imported.yaml").read_text()
    assert text.count("torrent: files/") == len(made)
    assert text.count("magnet: ") == 1, "what has no metadata yet has no file"
    both = ("-f", "desired.yaml", "-f", "imported.yaml")
    assert home.run(*both, "--dry-run").summary == {"adopt": len(made) + 1}

    before = {path: path.stat().st_mtime_ns for path in files.iterdir()}
    assert home.run_arguments("import", "--torrents", "files").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in files.iterdir()} == before, "what is there stays"

    fresh = make_server(build.name)
    home.environ["BOX_PASSWORD"] = fresh.password
    home.file.write_text(home.file.read_text().replace(proxy.url, fresh.url))
    assert home.run(*both).summary == {"add": len(made) + 1}
    assert set(RawClient(fresh).list_torrents()) == set(truth.list_torrents())
