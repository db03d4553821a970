"""`reconcile explain` as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

from reconciler.model.desired import DesiredTorrent
from reconciler.model.explanation import Explanation, FieldComparison, InstanceExplanation
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import GuardVerdict, Outcome, Verb
from reconciler.model.run import ActionResult, Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.report.json.explanation import write_explanation
from tests.support.example_runs import make_infohash, make_position, make_torrent_action

UNDECLARED = InstanceExplanation("home", Status.OK)


def make_live_torrent(**rest: object) -> LiveTorrent:
    """A stopped torrent of ours."""
    torrent = LiveTorrent(make_infohash(1), InfoHashes(make_infohash(1)), "Sintel", stopped=True, state="stoppedDL")
    return replace(torrent, **rest)  # type: ignore[arg-type]


def as_json(*instances: InstanceExplanation, **rest: object) -> Any:
    """The whole document, parsed."""
    explanation = Explanation("Sintel", make_infohash(1), "home", instances)
    stream = io.StringIO()
    write_explanation(replace(explanation, **rest), stream)  # type: ignore[arg-type]
    return json.loads(stream.getvalue())


def test_an_instance_without_the_torrent_has_every_key() -> None:
    assert as_json(UNDECLARED) == {
        "format_version": 1,
        "exit_code": 0,
        "infohash": make_infohash(1),
        "name": "Sintel",
        "owner": "home",
        "pending": None,
        "instances": [
            {
                "name": "home",
                "status": "ok",
                "error": None,
                "source": None,
                "absent": False,
                "owned": False,
                "owners": [],
                "health": None,
                "fields": [],
                "group": None,
                "placement": None,
                "spared": None,
                "fault": None,
                "guard": {"refused": False, "reasons": []},
                "live": [],
                "actions": [],
            }
        ],
        "recent_runs": [],
    }


def test_an_unknown_infohash_is_null() -> None:
    assert as_json(infohash="")["infohash"] is None


def test_declared_and_live_values_stand_side_by_side() -> None:
    entry = DesiredTorrent(make_position(3), InfoHashes(make_infohash(1)), None, "home", absent=True)
    explained = replace(
        UNDECLARED,
        entry=entry,
        live_torrents=(make_live_torrent(progress=0.5, size=2048),),
        fields=(FieldComparison("tags", ("a",), (), differs=True), FieldComparison("save_path", None, "/d")),
        verdict=GuardVerdict(True, ("too many deletions",)),
    )
    (instance,) = as_json(explained)["instances"]
    assert (instance["source"], instance["absent"]) == ("desired.yaml:3:5", True)
    assert instance["live"] == [
        {"id": make_infohash(1), "name": "Sintel", "state": "stoppedDL", "progress": 0.5, "size": 2048}
    ]
    assert instance["fields"] == [
        {"field": "tags", "declared": ["a"], "live": [], "differs": True},
        {"field": "save_path", "declared": None, "live": "/d", "differs": False},
    ]
    assert instance["guard"] == {"refused": True, "reasons": ["too many deletions"]}


def test_each_action_has_its_outcome() -> None:
    results = tuple(
        ActionResult(make_torrent_action(Verb.UPDATE, "Sintel", "tags differ", number=1), outcome)
        for outcome in (Outcome.DEFERRED, Outcome.PLANNED)
    )
    (instance,) = as_json(replace(UNDECLARED, results=results))["instances"]
    assert [action["outcome"] for action in instance["actions"]] == ["deferred", "planned"]
