"""Progress and speeds of the transfers. They change with every read, so they are kept apart from the snapshots.

See docs/decisions/0090-transfer-rates-are-not-part-of-snapshots.md.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, NotRequired

from pydantic import ConfigDict, FailFast, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.model.rows import NO_ETA
from reconciler.model.status import Transfer
from reconciler.qbittorrent.schemas import FiniteFloat, Int64, Progress

_STRICT_CONFIG = ConfigDict(strict=True)
_Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]


@with_config(_STRICT_CONFIG)
class TransferChange(TypedDict, total=False):
    """The fields of a transfer in a row of sync/maindata: only the changed fields."""

    progress: Progress | None
    eta: Int64
    ratio: FiniteFloat | None
    dlspeed: Int64
    upspeed: Int64


class TransferRow(TransferChange):
    """The fields of a transfer in a row of torrents/info."""

    hash: _Hash


@with_config(_STRICT_CONFIG)
class TransferData(TypedDict):
    """A reply of sync/maindata."""

    full_update: NotRequired[bool]
    torrents: NotRequired[dict[_Hash, TransferChange]]
    torrents_removed: NotRequired[Annotated[list[str], FailFast()]]


@cache  # built on first use: a run without transfer statistics does not need them
def _rows_adapter() -> TypeAdapter[list[TransferRow]]:
    return TypeAdapter(Annotated[list[TransferRow], FailFast()])


@cache
def _data_adapter() -> TypeAdapter[TransferData]:
    return TypeAdapter(TransferData)


class TransferStats:
    """The state of the transfers, from the replies that a session reads anyway. Sends no requests."""

    def __init__(self) -> None:
        self._rows: dict[str, TransferChange] = {}
        self._has_deltas = False

    def read_list(self, body: bytes) -> None:
        """Record a reply of torrents/info. It is ignored once there are deltas, which continue sync/maindata."""
        if not self._has_deltas:
            self._rows.update({row["hash"]: row for row in _rows_adapter().validate_json(body)})

    def read_delta(self, body: bytes) -> None:
        """Record a reply of sync/maindata."""
        reply = _data_adapter().validate_json(body)
        self._has_deltas = True
        before = {} if reply.get("full_update") else self._rows
        changes = reply.get("torrents", {})
        self._rows = before | {key: {**before.get(key, {}), **change} for key, change in changes.items()}
        for key in reply.get("torrents_removed", ()):
            self._rows.pop(key, None)

    def get(self, torrent_id: str) -> Transfer | None:
        """Return the transfer of a torrent by its id; None if it was not read."""
        row = self._rows.get(torrent_id)
        if row is None:
            return None
        eta, ratio = row.get("eta", NO_ETA), row.get("ratio")
        eta_is_unknown = not 0 <= eta < NO_ETA or (row.get("progress") or 0.0) >= 1
        return Transfer(
            None if eta_is_unknown else eta,
            None if ratio is None or ratio < 0 else ratio,
            row.get("dlspeed", 0),
            row.get("upspeed", 0),
        )
