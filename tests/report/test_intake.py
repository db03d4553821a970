"""The entries of an intake, as text and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from reconciler.model.gateway import IntakeSettings
from reconciler.model.position import Position
from reconciler.report.intake import render_intake, write_intake
from reconciler.report.text.lines import render_plain
from tests.support.planner_inputs import make_desired_torrent

SETTINGS = IntakeSettings(Position("desired.yaml", 1, 1), "intake.yaml", "home")
HOSTILE = replace(make_desired_torrent({"hash": "a"}, 3), name="\x1b[31m##[x]", labels={"a": "\u202e"})


def test_a_hostile_name_is_harmless() -> None:
    for width in (None, 40):
        text = "\n".join(map(render_plain, render_intake(SETTINGS, [HOSTILE], 2, width)))
        assert "\x1b" not in text and "\u202e" not in text
        assert text.endswith("1 torrent in intake.yaml, and 2 by URL that only a run fetches")
    stream = io.StringIO()
    write_intake(SETTINGS, [HOSTILE], 0, stream)
    assert "##[" not in stream.getvalue() and json.loads(stream.getvalue())["torrents"][0]["name"] == HOSTILE.name


def test_a_missing_file_is_not_an_empty_one() -> None:
    (line,) = render_intake(replace(SETTINGS, is_missing=True), [], 0)
    assert "does not exist here" in render_plain(line)
