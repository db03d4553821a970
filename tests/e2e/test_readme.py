"""The README's first desired state, used as printed."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home
from tests.support.raw import RawClient

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_first_desired_state_of_the_readme_works(home: Home, any_server: QbittorrentServer) -> None:
    example = re.search(r" *```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    text = dedent(example[1])
    assert "http://127.0.0.1:8080" in text
    home.file.write_text(text.replace("http://127.0.0.1:8080", any_server.url))
    home.environ["HOME_PASSWORD"] = any_server.password

    valid = home.run_arguments("validate")
    assert (valid.exit_code, valid.out) == (0, "desired.yaml: valid: 1 torrent on 1 instance\n")
    assert home.run("--dry-run").summary == {"add": 1, "settings": 1}
    assert home.run().exit_code == 0
    row = RawClient(any_server).list_torrents()["08ada5a7a6183aae1e09d831df6748d566095a10"]
    assert (row["category"], row["tags"]) == ("films", "free, reconcile:default")
    assert home.run().summary == {"unchanged": 1}


def test_every_file_named_in_the_readme_exists() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"\]\(([^)#]+)\)", README)
    assert named
    assert [name for name in named if not (root / name).exists()] == []
