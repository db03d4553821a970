"""The alerts: valid, on metrics that exist, silent when all is well, and firing when it is not."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.web import StatusBoard
from reconciler.web.metrics import Metrics
from tests.support.example_runs import planned
from tests.support.promtool import fetch_promtool
from tests.support.status_site import make_finished_run
from tests.support.tools import run_tool

ALERTS = Path(__file__).parents[2] / "deploy/prometheus/alerts.yaml"
STORY = Path(__file__).parent / "alerts.yaml"


def test_alerts_are_valid_and_fire_when_they_should() -> None:
    assert "9 rules found" in run_tool([str(fetch_promtool()), "check", "rules", str(ALERTS)])
    assert "SUCCESS" in run_tool([str(fetch_promtool()), "test", "rules", str(STORY)])


def test_each_alert_is_tested() -> None:
    names = re.findall(r"alert: (\w+)", ALERTS.read_text())
    assert names and [name for name in names if STORY.read_text().count(name) != 2] == []


def test_alerts_use_only_exposed_metrics() -> None:
    board = StatusBoard(60)
    board.on_run_end(make_finished_run(planned()))
    exposed = set(re.findall(r"^# TYPE (\w+)", Metrics(board.get_view).render_exposition("")[0].decode(), re.MULTILINE))
    named = set(re.findall(r"\breconcile_\w+", ALERTS.read_text()))
    assert named and named - exposed == set()
