"""How transfers get on: what changes with every look, kept apart from the snapshots, which it would never let rest."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, NotRequired

from pydantic import ConfigDict, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.model.status import Transfer

NO_ETA: Final = 8_640_000  # seconds: qBittorrent's word for never, or not known (4.2 to 5.3)

_STRICT_CONFIG = ConfigDict(strict=True)
_Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]


@with_config(_STRICT_CONFIG)
class TransferChange(TypedDict, total=False):
    """What a row tells of a transfer; one of sync/maindata, of what has changed."""

    progress: float | None
    eta: int
    ratio: float | None
    dlspeed: int
    upspeed: int


class TransferRow(TransferChange):
    """A row of torrents/info, which is whole."""

    hash: _Hash


@with_config(_STRICT_CONFIG)
class TransferData(TypedDict):
    """A reply of sync/maindata."""

    full_update: NotRequired[bool]
    torrents: NotRequired[dict[_Hash, TransferChange]]
    torrents_removed: NotRequired[list[str]]


@cache  # a run that asks for none of it does not wait for them to be made
def _rows_adapter() -> TypeAdapter[list[TransferRow]]:
    return TypeAdapter(list[TransferRow])


@cache
def _data_adapter() -> TypeAdapter[TransferData]:
    return TypeAdapter(TransferData)


class TransferStats:
    """Reads along what a session reads, for those who look at transfers; it costs no request."""

    def __init__(self) -> None:
        self._rows: dict[str, TransferChange] = {}
        self._has_deltas = False

    def read_list(self, body: bytes) -> None:
        """The answer of torrents/info. It does not count where deltas are told: those go on from what maindata said."""
        if not self._has_deltas:
            self._rows.update({row["hash"]: row for row in _rows_adapter().validate_json(body)})

    def read_delta(self, body: bytes) -> None:
        """The answer of sync/maindata."""
        reply = _data_adapter().validate_json(body)
        self._has_deltas = True
        before = {} if reply.get("full_update") else self._rows
        changes = reply.get("torrents", {})
        self._rows = before | {key: {**before.get(key, {}), **change} for key, change in changes.items()}
        for key in reply.get("torrents_removed", ()):
            self._rows.pop(key, None)

    def get(self, torrent_id: str) -> Transfer | None:
        """The transfer of a torrent, by the key of the instance; None where nothing was read of it."""
        row = self._rows.get(torrent_id)
        if row is None:
            return None
        eta, ratio = row.get("eta", NO_ETA), row.get("ratio")
        unknown = not 0 <= eta < NO_ETA or (row.get("progress") or 0.0) >= 1
        return Transfer(
            None if unknown else eta,
            None if ratio is None or ratio < 0 else ratio,
            row.get("dlspeed", 0),
            row.get("upspeed", 0),
        )
