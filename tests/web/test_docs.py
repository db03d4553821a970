"""docs/http.md names every path and every key; test_metrics holds it to the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.web.loop_view import LoopState
from tests.support.example_runs import planned
from tests.support.status_site import BACKOFF, PROBLEM, TOKEN, StatusSite, make_finished_run

TEXT = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def keys(value: Any) -> Iterator[str]:
    """The keys of a JSON value, but for those of the report's summary."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from () if key == "summary" else keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_key_of_the_status(site: StatusSite) -> None:
    site.board.on_run_end(make_finished_run(planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}))
    status_keys = set(keys(site.request("/api/v1/status").json))
    assert len(status_keys) > 30
    assert [key for key in sorted(status_keys) if f"`{key}`" not in TEXT] == []


@pytest.mark.parametrize("state", LoopState)
def test_every_state(state: LoopState) -> None:
    assert f"`{state}`" in TEXT


@pytest.mark.parametrize("path", re.findall(r"^\| `GET (\S+)`", TEXT, re.MULTILINE))
def test_every_path_is_there(path: str, site: StatusSite) -> None:
    assert site.request(path, headers={"Authorization": f"Bearer {TOKEN.reveal()}"}).status in (200, 503)
