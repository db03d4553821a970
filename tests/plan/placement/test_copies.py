"""The completeness of copies: what is unknown counts against a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.groups import KeptCopy
from reconciler.plan.placement.copies import (
    bytes_at_risk,
    can_replace,
    find_replacement,
    is_complete,
    is_partial,
    percent_text,
)
from tests.support.planner_inputs import OWNER_TAG, make_live_torrent


@pytest.mark.parametrize(
    ("row", "complete", "partial", "at_risk"),
    [
        ({"is": "whole"}, True, False, 100),
        ({"is": "whole", "state": "stoppedUP"}, True, False, 100),
        ({"is": "half"}, False, True, 50),
        ({"is": "half", "state": "stoppedDL"}, False, True, 50),
        ({"is": "half", "state": "checkingUP"}, False, False, 100),
        ({"is": "whole", "state": "moving"}, False, False, 100),
        ({"is": "whole", "state": "missingFiles"}, False, False, 100),
        ({"is": "half", "state": "error"}, False, False, 100),
        ({"state": "stalledUP", "progress": 1.0, "size": 0}, False, False, 0),
        ({"state": "metaDL", "size": -1}, False, True, 0),
    ],
)
def test_a_copy_is_complete_or_partial_only_if_its_state_is_certain(
    row: dict[str, Any], complete: bool, partial: bool, at_risk: int
) -> None:
    live_torrent = make_live_torrent({"hash": "a", **row})
    assert (is_complete(live_torrent), is_partial(live_torrent), bytes_at_risk(live_torrent)) == (
        complete,
        partial,
        at_risk,
    )


@pytest.mark.parametrize(
    ("row", "kept_copy", "replaces"),
    [
        ({"is": "whole", "tags": [OWNER_TAG]}, KeptCopy("box", "a", 100), True),
        ({"is": "whole", "tags": [OWNER_TAG]}, KeptCopy("box", "a", 101), False),
        ({"is": "half", "tags": [OWNER_TAG]}, KeptCopy("box", "a"), False),
        ({"is": "half", "tags": [OWNER_TAG]}, KeptCopy("box", "a", must_be_complete=False), True),
        ({"is": "half", "tags": [OWNER_TAG]}, KeptCopy("box", "a", 50, must_be_complete=False), True),
        ({"is": "half", "tags": [OWNER_TAG]}, KeptCopy("box", "a", 51, must_be_complete=False), False),
        ({"is": "whole", "tags": [OWNER_TAG]}, KeptCopy("box", "a", 51, must_be_complete=False), True),
        ({"state": "error", "tags": [OWNER_TAG]}, KeptCopy("box", "a", must_be_complete=False), False),
        ({"is": "whole", "tags": []}, KeptCopy("box", "a"), False),
        ({"is": "whole", "tags": ["reconcile:amy"]}, KeptCopy("box", "a", must_be_complete=False), False),
        ({"is": "whole", "tags": [OWNER_TAG, "reconcile:ignore"]}, KeptCopy("box", "a"), False),
    ],
)
def test_a_copy_replaces_another_only_if_it_is_ours_and_complete_enough(
    row: dict[str, Any], kept_copy: KeptCopy, replaces: bool
) -> None:
    assert can_replace(make_live_torrent({"hash": "a", **row}), kept_copy, "home") is replaces


@pytest.mark.parametrize(
    ("own", "keeper", "replaces"),
    [
        ({"is": "whole"}, {"is": "whole"}, True),
        ({"is": "whole"}, {"is": "half"}, False),
        ({"is": "whole", "size": 40}, {"is": "half"}, False),
        ({"is": "half"}, {"is": "whole"}, True),
        ({"is": "half"}, {"is": "half"}, True),
        ({"is": "half"}, {}, False),
        ({}, {}, True),
        ({"size": 100}, {"state": "metaDL", "size": -1}, False),
        ({"state": "metaDL", "size": -1}, {"state": "metaDL", "size": -1}, True),
        ({}, {"state": "missingFiles"}, False),
        ({"state": "checkingDL"}, {"is": "half"}, False),
    ],
)
def test_a_copy_is_superfluous_only_if_another_has_at_least_as_much(
    own: dict[str, Any], keeper: dict[str, Any], replaces: bool
) -> None:
    copies = [make_live_torrent({"hash": "a", "tags": [OWNER_TAG], **row}) for row in (own, keeper)]
    assert (find_replacement(copies[0], copies[1], "box", "home") is not None) is replaces


def test_the_progress_is_never_shown_as_100_percent() -> None:
    texts = [percent_text(make_live_torrent({"hash": "a", "progress": share})) for share in (0.0, 0.509, 0.999, 1.0)]
    assert texts == ["0 %", "50 %", "99 %", "99 %"]
