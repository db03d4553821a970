"""Actions explained by what two states declare; `test_comparison.py` has the cases."""

from __future__ import annotations

from reconciler.model.plan import Blast, Change, DeleteTorrent, UpdateTorrent
from reconciler.plan.declared_changes import ActionExplainer
from tests.support.planner_inputs import make_desired_state, make_v1_hash

A = make_v1_hash("a")
OLD = make_desired_state({"desired": [{"hash": "a", "category": "x"}]})
NEW = make_desired_state({"desired": [{"hash": "a", "category": "y", "paused": True}]})


def explain(*stand_ins: str) -> ActionExplainer:
    """An explainer of the instance `box`."""
    return ActionExplainer("box", OLD, NEW, lambda file: None, stand_ins)


def test_no_action_keeps_sizes_that_nobody_knows() -> None:
    explainer = explain()
    explainer.add_planned(DeleteTorrent("a", "", infohash=A, blast=Blast(1, 5)), OLD.torrents[0], None)
    (item,) = explainer.build_actions()
    assert item.action.blast is None


def test_a_planned_change_and_a_new_key_become_one_action() -> None:
    explainer = explain()
    planned = UpdateTorrent("a", "", (Change("category", "x", "y"),), infohash=A, torrent_id=A)
    explainer.add_planned(planned, OLD.torrents[0], NEW.torrents[0])
    explainer.add_declared(OLD.torrents[0], NEW.torrents[0], A)
    (item,) = explainer.build_actions()
    assert item.action.changes == (Change("category", "x", "y"), Change("paused", None, True))
    assert item.action.reason == "category and paused differ"
    assert explainer.added_count == 0


def test_a_made_up_infohash_is_not_shown() -> None:
    explainer = explain(A)
    explainer.add_declared(OLD.torrents[0], NEW.torrents[0], A)
    (item,) = explainer.build_actions()
    assert item.action.infohash is None
    assert explainer.added_count == 1


def test_a_deletion_of_what_only_the_new_state_names_says_that_it_may_not_be_there() -> None:
    explainer = explain()
    explainer.add_planned(DeleteTorrent("a", "declared absent", infohash=A), None, NEW.torrents[0])
    (item,) = explainer.build_actions()
    assert item.action.reason.startswith("declared absent: deleted where it is on the instance")
