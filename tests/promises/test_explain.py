"""An explanation agrees with the plan, for every torrent of any world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given

from reconciler.model.desired import DesiredState
from reconciler.model.explanation import Explanation
from reconciler.model.plan import ObjectKind
from reconciler.plan import PlanInput, make_plan
from reconciler.queries.explain import explain_torrent
from reconciler.retry import utc_now
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import LIBTORRENT_2, Build
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import make_memory_world
from tests.support.search_effort import take_examples
from tests.support.strategies import cases


def explained(desired: DesiredState, boxes: Mapping[str, MemoryInstance], text: str, **more: Any) -> Explanation:
    context = fake_context(lambda instance, stop: boxes[instance.name], utc=utc_now)
    return explain_torrent(desired, text, (), context, **more)


@take_examples(30)
@given(cases())
def test_explain_agrees_with_the_plan(case: dict[str, Any]) -> None:
    desired, box = make_memory_world(case, Build("5.1.0", LIBTORRENT_2))
    snapshot = box.read_snapshot(desired.ids_with_file_rules("box"))
    (plan,) = make_plan(PlanInput(desired, {"box": snapshot}, now=utc_now())).instances
    infohashes = [torrent.infohashes for torrent in desired.torrents] + [
        torrent.infohashes for torrent in snapshot.torrents
    ]
    for text in set(map(str, infohashes)):
        explanation = explained(desired, {"box": box}, text).instances[0]
        ids = {key for live in explanation.live_torrents for key in live.infohashes.ids}
        ids |= set(explanation.entry.ids) if explanation.entry else set()
        assert text in ids
        about = [a for a in plan.actions if a.kind is ObjectKind.TORRENT and (a.infohash in ids or a.torrent_id in ids)]
        actions = [result.action for result in explanation.results]
        assert all(action in about for action in actions)
        if explanation.entry:
            mine = explanation.entry.position
            assert [a for a in about if a.position == mine] == [a for a in actions if a.position == mine]
        assert explanation.verdict == plan.verdict
        if explanation.spared_reason:
            assert explanation.spared_reason in {torrent.reason for torrent in plan.spared}
