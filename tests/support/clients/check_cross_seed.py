"""cross-seed searches an indexer for what the gateway shows, and injects what it finds beside the data.

The program is not in a registry. Build its source, and name the folder: `make clients CROSS_SEED=FOLDER`, where
`FOLDER/packages/cross-seed/dist/cmd.js` is what `npm run build` makes, for the `node` (24 or newer) on the PATH.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import requests

from reconciler.demo.servers import find_free_port
from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.clients.programs import make_environ
from tests.support.gateway_site import PASSWORD, USERNAME, start_gateway
from tests.support.home import Home
from tests.support.raw import RawClient
from tests.support.swarm import DEFAULT_SIZE, SESSION_SETTINGS, is_complete
from tests.support.torrents import make_content, make_torrent
from tests.support.web import FixedWebServer, WebHandler

FILM: Final = "Big.Buck.Bunny.2008.1080p.WEB-DL.H264-OPEN.mkv"
_CAPS: Final = b"""<caps><limits default="100" max="100"/><searching><search available="yes" supportedParams="q"/>
<movie-search available="yes" supportedParams="q"/></searching>
<categories><category id="2000" name="Movies"/></categories></caps>"""
_ITEM: Final = """<rss><channel><item><title>{name}</title><guid>{url}</guid><link>{url}</link><size>{size}</size>
<pubDate>Fri, 27 Nov 2026 12:00:00 +0000</pubDate></item></channel></rss>"""


@contextmanager
def start_cross_seed(folder: Path, **config: object) -> Iterator[None]:
    """Run the daemon, which searches when it starts, checks what it injects, and starts what is complete."""
    program = Path(os.environ["CROSS_SEED"]) / "packages" / "cross-seed" / "dist" / "cmd.js"
    (folder / "config.js").write_text(f"export default {json.dumps(config)};")
    (folder / "package.json").write_text('{"type": "module"}')
    environ = make_environ(folder) | {"CONFIG_DIR": str(folder)}
    with (folder / "output.txt").open("w") as stream:
        process = subprocess.Popen(["node", program, "daemon", "--verbose"], env=environ, stdout=stream, stderr=stream)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("skips_recheck", [False, True])
def test_cross_seed_finds_and_injects_through_the_gateway(
    skips_recheck: bool, tmp_path: Path, make_server: MakeServer
) -> None:
    first = make_torrent(1, name=FILM, size=DEFAULT_SIZE)
    second = make_torrent(1, name=FILM, size=DEFAULT_SIZE, extra_info={"source": "another tracker"})
    searchee, injected = (str(parse_metainfo(content).infohashes.v1) for content in (first, second))
    server, home = make_server(session=SESSION_SETTINGS), Home(tmp_path)
    home.add_instance(server.url, server.username, server.password)
    (server.downloads / FILM).write_bytes(make_content(1, DEFAULT_SIZE))
    truth = RawClient(server)

    def answer_indexer(handler: WebHandler) -> None:
        item = _ITEM.format(name=FILM, url=web.url_of("/second.torrent"), size=DEFAULT_SIZE)
        handler.send_answer(200, _CAPS if "t=caps" in handler.path else item.encode(), Content_Type="text/xml")

    web = FixedWebServer({"/api": answer_indexer, "/second.torrent": second})
    with web, start_gateway(home) as site:
        with requests.Session() as session:
            session.trust_env = False
            login = {"username": USERNAME, "password": PASSWORD}
            assert session.post(f"{site.url}/api/v2/auth/login", data=login, timeout=30).text == "Ok."
            form, files = {"category": "films", "savepath": str(server.downloads)}, {"torrents": ("first", first)}
            assert session.post(f"{site.url}/api/v2/torrents/add", data=form, files=files, timeout=30).text == "Ok."
        site.watch.wait_until(lambda: is_complete(truth, searchee))
        folder = tmp_path / "cross-seed"
        folder.mkdir()
        config = {
            "torznab": [f"{web.url_of('/api')}?apikey=0123456789abcdef"],
            "torrentClients": [f"qbittorrent:http://{USERNAME}:{PASSWORD}@127.0.0.1:{site.url.rpartition(':')[2]}"],
            "action": "inject",
            "skipRecheck": skips_recheck,
            "includeNonVideos": True,
            "outputDir": str(folder / "found"),
            "host": "127.0.0.1",
            "port": find_free_port("127.0.0.1"),
        }
        with start_cross_seed(folder, **config):
            site.watch.wait_until(lambda: injected in truth.list_torrents())
            site.watch.wait_until(
                lambda: truth.list_torrents()[injected]["state"] == "stalledUP"
            )  # checked and started
            row = truth.list_torrents()[injected]
            assert (row["category"], row["save_path"]) == ("films", str(server.downloads))
            assert "cross-seed" in row["tags"].split(", ")
