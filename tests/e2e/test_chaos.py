"""Schedules of chaos on real servers: 30 of them here, and as many as you like with `make chaos`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from tests.conftest import MakeServer
from tests.support.chaos.schedule import Schedule
from tests.support.server_builds import Build

FIRST_SEED = int(os.environ.get("CHAOS_SEED", "1"))
COUNT = int(os.environ.get("CHAOS_COUNT", "30"))


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + COUNT))
def test_after_any_trouble_everything_is_as_declared(
    seed: int, tmp_path: Path, make_server: MakeServer, any_build: Build
) -> None:
    versions = [any_build.name] * 2 if any_build.program else list(QBITTORRENT_PACKAGES)
    with ExitStack() as stack:
        schedule = Schedule(seed, tmp_path, versions, make_server, stack)
        violations = schedule.run()
        assert not violations, "\n".join(schedule.story)
