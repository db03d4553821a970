"""A comparison as JSON."""

from __future__ import annotations

import io
import json

from reconciler.report.json.comparison import write_comparison
from tests.support.example_comparisons import COMPARISON


def test_every_part_has_its_key() -> None:
    stream = io.StringIO()
    write_comparison(COMPARISON, 3, stream)
    report = json.loads(stream.getvalue())
    assert (report["mode"], report["old"], report["new"], report["exit_code"]) == (
        "diff",
        "git:main",
        "desired.yaml",
        3,
    )
    assert report["differs"] is True
    assert report["guard"] == {"refused": True, "reasons": ["box: 11 deletions are more than max_delete 10"]}
    assert report["settings"] == [{"path": "quarantine", "from": None, "to": "7d"}]
    assert [i["declared"] for i in report["instances"]] == ["added", "removed", "both"]
    update, deletion = report["instances"][2]["actions"]
    assert update["changes"] == [{"field": "paused", "from": None, "to": True}]
    assert (update["source"], update["old_source"], update["new_file"]) == ("new.yaml:3:5", "old.yaml:3:5", None)
    assert (deletion["source"], deletion["old_source"], deletion["new_file"]) == (None, "old.yaml:7:5", "new.yaml")
    assert "blast" not in deletion
    assert report["instances"][2]["without_effect"][0]["field"] == "category"
