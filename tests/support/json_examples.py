"""An explanation and a live state with everything in them, for the reference of the JSON keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.desired import DesiredTorrent
from reconciler.model.explanation import Explanation, FieldComparison, InstanceExplanation
from reconciler.model.groups import Outage, PendingTorrent, PlacementFacts
from reconciler.model.health import Health, HealthState
from reconciler.model.history import OwnedCount, PastAction, PastRun
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import Magnet
from reconciler.model.plan import FaultKind, GuardVerdict, ObjectKind, Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, RunMode, Status
from reconciler.model.snapshot import LiveCategory, LiveOptions
from reconciler.model.torrent_file import TorrentFileError
from tests.support.example_runs import ACTIONS, make_infohash, make_position
from tests.support.planner_inputs import make_live_torrent, make_snapshot, make_torrent_file, parse_hashes
from tests.support.status_site import NOON

_HASH: Final = make_infohash(1)
_POSITION: Final = make_position(3)
_HEALTH: Final = Health(HealthState.VPN_DOWN, NOON, "tun0 is gone")
_PAST_ACTION: Final = PastAction("home", Verb.ADD, ObjectKind.TORRENT, "Sintel", _HASH, "", Outcome.APPLIED, None)
PAST_RUN: Final = PastRun(1, "home", NOON, 0.5, RunMode.APPLY, "command", "sha256:0", 0, (), (_PAST_ACTION,))

EXPLANATIONS: Final = (
    Explanation(
        "Sintel",
        _HASH,
        "home",
        (
            InstanceExplanation(
                "home",
                Status.OK,
                None,
                DesiredTorrent(_POSITION, parse_hashes("a"), None, "resilient"),
                (make_live_torrent({"hash": "a", "name": "Sintel", "is": "half"}),),
                True,
                ("attic",),
                (
                    FieldComparison("tags", ("films",), (), differs=True),
                    FieldComparison("paused", None, True),
                    FieldComparison("category", "films", None, differs=True),
                    FieldComparison("download_limit", 0, 0),
                ),
                tuple(ActionResult(action, Outcome.PLANNED) for action in ACTIONS),
                "it has the tag reconcile:ignore",
                GuardVerdict(True, ("11 deletions are more than max_delete 10",)),
                _HEALTH,
                "resilient (failover)",
                "the first healthy member",
                TorrentFault(_HASH, "Sintel", FaultKind.ERROR, "qBittorrent reports an error", _POSITION, True, False),
            ),
        ),
        (PAST_RUN,),
        pending_reason="no member is healthy",
    ),
    Explanation("Sintel", "", "home", (InstanceExplanation("home", Status.UNREACHABLE, "no connection"),)),
)
"""A torrent with all that can be said of one, and one of which nothing is known."""

_FILE: Final = make_torrent_file("1:hybrid")
_CREATION: Final = CreationSpec("/data/a", trackers=("udp://t.example",), web_seeds=("http://w.example",))
_SNAPSHOT: Final = replace(
    make_snapshot(
        [
            {
                "hash": "a+a2",
                "name": "Sintel",
                "stopped": True,
                "category": "films",
                "tags": ["reconcile:home"],
                "auto_tmm": True,
                "comment": "a comment",
                "trackers": ["udp://t.example"],
                "web_seeds": ["http://w.example"],
                "files": ["normal Sintel.mkv"],
                "is": "whole",
                "shared": [1.0, 60, 2.0, -1],
                "stopped_before_check": True,
                "is_metadata_overdue": True,
                "added_on": 1_795_950_000,
                "force_start": True,
                "sequential": True,
                "first_last_piece_first": True,
                "super_seeding": True,
                "download_limit": 1024,
                "upload_limit": 1024,
                "download_path": "/incomplete",
                "share_limits": {"ratio": 2.0, "seeding_time": 60, "action": "stop", "mode": "Any"},
            },
            {"hash": "b", "comment": "https://t.example/details"},
        ],
        preferences={"dl_limit": 7, "temp_path": "/incomplete", "dht": True},
    ),
    categories={"films": LiveCategory("films", "/data/films", {"ratio_limit": 2, "share_limit_action": "Stop"}, False)},
    libtorrent="1.2.19.0",
    default_save_path="/downloads",
    creator_tasks=(
        CreatorTask("1", _CREATION, TaskState.FINISHED, file=_FILE),
        CreatorTask("2", _CREATION, TaskState.FAILED, error="no space", file=TorrentFileError("it is gone")),
    ),
    exported_files={_FILE.infohashes.ids[0]: _FILE, make_infohash(2): TorrentFileError("it has no metadata")},
    peer_addresses={_FILE.infohashes.ids[0]: "192.168.1.5:6881"},
)
_WHOLE: Final = LiveInstance(
    "home",
    "http://home",
    _SNAPSHOT,
    health=_HEALTH,
    owned=OwnedCount(1, NOON),
    untagged_ids=frozenset({_HASH}),
    other_seeds={make_live_torrent({"hash": "b"}).id: 3},
    to_trash=True,
    declared_preferences=frozenset({"dl_limit", "temp_path", "dht"}),
)
_PLAIN: Final = replace(make_live_torrent({"hash": "d", "save_path": ""}), options=LiveOptions())
_SCANTY_FILES: Final = tuple(replace(make_torrent_file(name), name="") for name in ("2:v1", "3:v2"))
_SCANTY: Final = LiveInstance(
    "seedbox",
    "http://seedbox",
    replace(
        make_snapshot([], {"films": [None, "/incomplete"], "other": ["/other", None]}),
        torrents=(
            make_live_torrent({"hash": "c", "shared": [1.0, None, 2.0, -1], "first_last_piece_first": None}),
            _PLAIN,
            replace(_PLAIN, options=LiveOptions(sequential=True)),
        ),
        creator_tasks=tuple(CreatorTask("3", _CREATION, TaskState.FINISHED, file=file) for file in _SCANTY_FILES),
        exported_files={make_infohash(number): file for number, file in enumerate(_SCANTY_FILES, 3)},
    ),
    health=Health(HealthState.OK, NOON, None),
)
LIVE_STATES: Final = (
    LiveState(
        NOON,
        "home",
        (_WHOLE, _SCANTY, LiveInstance("attic", "http://attic", status=Status.UNREACHABLE, error="no connection")),
        PlacementFacts(
            {"home": Outage(NOON, "tun0 is gone")},
            {"home": frozenset({_HASH})},
            {("resilient", _HASH): PendingTorrent(_HASH, "Sintel", "resilient", "no member", _POSITION, since=NOON)},
            {"home": 1 << 40, "seedbox": 1 << 40},
        ),
        {
            "http://i.example/a.torrent": _FILE,
            "http://i.example/b": Magnet("magnet:?xt=", parse_hashes("d")),
            "http://i.example/c": Magnet("magnet:?xt=", parse_hashes("e2")),
        },
    ),
    LiveState(NOON, "home", facts=PlacementFacts({}, {"home": frozenset({_HASH})})),
)
"""Live states whose files have every key of the format, and lack each that may be missing."""
