"""qbit_manage: categorises, tags, sets share limits and deletes what has reached them, dry and for real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.clients.programs import run_program
from tests.support.gateway_site import API_KEY, PASSWORD, USERNAME, GatewaySite, start_gateway
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash
from tests.support.raw import RawClient
from tests.support.swarm import DEFAULT_SIZE, SESSION_SETTINGS, has_file, write_data
from tests.support.torrents import make_torrent


def write_config(folder: Path, site: GatewaySite, root: Path, *, dry_run: bool) -> None:
    """Write its configuration."""
    commands = dict.fromkeys(("cat_update", "tag_update", "share_limits"), True)
    limits = {"priority": 1, "include_any_tags": ["old"], "max_ratio": 0, "max_seeding_time": 0, "cleanup": True}
    config: dict[str, Any] = {
        "commands": {**commands, "dry_run": dry_run},
        "qbt": {"host": site.url, "user": USERNAME, "pass": PASSWORD},
        "settings": {"force_auto_tmm": False},
        "directory": {"root_dir": str(root)},
        "cat": {"linux": str(root), "other": "/other"},
        "tracker": {"other": {"tag": "untracked"}},
        "share_limits": {
            "old": limits,
            "rest": {"priority": 2, "max_ratio": 3, "max_seeding_time": "2h", "limit_upload_speed": 50},
        },
    }
    (folder / "config.yml").write_text(json.dumps(config))


def test_qbit_manage_manages_what_was_handed_in(tmp_path: Path, make_server: MakeServer) -> None:
    server, home = make_server(session=SESSION_SETTINGS), Home(tmp_path)
    home.add_instance(server.url, server.username, server.password)
    truth = RawClient(server)
    contents = {number: make_torrent(number, size=DEFAULT_SIZE) for number in (1, 2)}
    hashes = {number: str(parse_metainfo(content).infohashes.v1) for number, content in contents.items()}
    folder = tmp_path / "qbm"
    folder.mkdir()
    for number in contents:
        write_data(server, number)
    # what people declare is 409 for it, and then it gives up the step: so it sees only what was handed in
    with start_gateway(home, make_entry(7), shows="intake") as site:
        for number, content in contents.items():
            add_torrent(site, content, "old" if number == 1 else "new", server.downloads)
        site.watch.wait_until(lambda: {row["progress"] for row in list_rows(truth, hashes)} == {1})

        write_config(folder, site, server.downloads, dry_run=True)
        before = (tmp_path / "intake.yaml").read_text()
        output = run_qbit_manage(folder)
        assert "New Category: linux" in output and "New Tag: untracked" in output and "Cleanup: True" in output
        assert (tmp_path / "intake.yaml").read_text() == before

        write_config(folder, site, server.downloads, dry_run=False)
        output = run_qbit_manage(folder)
        assert "New Tag: untracked" in output, output
        site.watch.wait_until(lambda: hashes[1] not in truth.list_torrents() and not has_file(server, 1))
        site.watch.wait_until(lambda: is_managed(truth.list_torrents()[hashes[2]]))
        assert make_infohash(7) in truth.list_torrents(), "what a person declared is not its business"
        assert truth.read_torrent(7)["category"] == ""


def add_torrent(site: GatewaySite, content: bytes, tag: str, folder: Path) -> None:
    """Hand a torrent in, as another service would."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {API_KEY}"
        form = {"tags": tag, "savepath": str(folder)}
        reply = session.post(
            f"{site.url}/api/v2/torrents/add", data=form, files={"torrents": ("a", content)}, timeout=30
        )
        assert reply.text == "Ok."


def is_managed(row: dict[str, Any]) -> bool:
    """True if a torrent has its category, tags and limits."""
    limits = row["ratio_limit"], row["seeding_time_limit"], row["up_limit"]
    tags = {"new", "untracked", "~share_limit_2.rest"}
    return row["category"] == "linux" and tags < set(row["tags"].split(", ")) and limits == (3, 120, 51_200)


def run_qbit_manage(folder: Path) -> str:
    """Run it once."""
    return run_program(
        "qbit_manage", "--run", "--config-file", "config.yml", "--config-dir", str(folder), folder=folder
    )


def list_rows(truth: RawClient, hashes: dict[int, str]) -> list[dict[str, Any]]:
    """Return the rows of the handed-in torrents; one that is missing is not complete."""
    torrents = truth.list_torrents()
    return [torrents.get(infohash, {"progress": 0}) for infohash in hashes.values()]
