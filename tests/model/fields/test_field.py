"""One field: when a live value is the wanted one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.fields.names import DOWNLOAD_PATH, SHARE_LIMITS
from reconciler.model.fields.options import OPTIONS
from reconciler.model.fields.properties import PROPERTIES
from reconciler.model.fields.registry import FIELDS
from reconciler.model.snapshot import LiveOptions, ShareLimits
from tests.support.field_examples import TORRENT


@pytest.mark.parametrize("name", [*PROPERTIES, *OPTIONS])
def test_a_declarable_value_is_read_from_a_live_torrent(name: str) -> None:
    field = FIELDS[name]
    assert field.matches(TORRENT, field.read(TORRENT))


def test_a_wanted_value_is_compared_as_the_server_reports_it() -> None:
    live = replace(TORRENT, options=LiveOptions(download_path="", share=ShareLimits(ratio=4.019)))
    assert FIELDS[DOWNLOAD_PATH].matches(live, TORRENT.save_path), "no path of its own"
    assert FIELDS[f"{SHARE_LIMITS}.ratio"].matches(live, 4.02), "thousandths are truncated"
    assert not FIELDS[f"{SHARE_LIMITS}.ratio"].matches(live, 4.03)
