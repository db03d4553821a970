"""The instances that torrents of other instances get their metadata from, while a plan is applied.

A session serves one thread at a time, and these serve several: their own, and those of the instances that get
something. So all requests to them wait for each other.

See docs/decisions/0085-the-metadata-goes-along.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Final, cast
from urllib.parse import urlsplit

from reconciler.engine.content import find_peer_address
from reconciler.engine.observation import Observation, Observations, OpenTarget
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, StopRequested
from reconciler.model.plan import InstancePlan, MetadataSource, SetTorrent
from reconciler.model.torrent_file import TorrentFileError
from reconciler.plan.resolve import is_local
from reconciler.retry import RetryPolicy

_NOT_READ: Final = "not read"


class MetadataHolder:
    """One instance that has metadata. After an error that is not about one torrent, it is not asked again."""

    def __init__(self, instance: Instance, target: OpenTarget, retry: RetryPolicy) -> None:
        self._instance = instance
        self._target = target
        self._retry = retry
        self._lock = threading.Lock()
        self._error: TorrentFileError | None = None
        self._peer_address: str | None = _NOT_READ

    def export_torrent(self, torrent_id: str) -> bytes:
        """Return the .torrent file of one torrent. Raises `TorrentFileError`."""
        if self._error:
            raise self._error
        try:
            data = self._retry.call_with_retry(lambda: self._target.export_torrent(torrent_id))
        except RejectedError as error:
            raise TorrentFileError(str(error)) from None
        except (InstanceError, StopRequested) as error:
            self._error = TorrentFileError(str(error))
            raise self._error from None
        if data is None:
            raise TorrentFileError("it has no metadata, or is gone")
        return data

    def find_peer_address(self) -> str | None:
        """Return the address (`IP:port`) where peers reach it; None if unknown. It is read once."""
        with self._lock:
            if self._peer_address is _NOT_READ:
                self._peer_address = find_peer_address(self._target, self._instance, self._retry)
            return self._peer_address


class ReceiverHolders:
    """The holders as one receiving instance reaches them. It is what `apply` needs."""

    def __init__(self, holders: Mapping[str, MetadataHolder], receiver: Instance) -> None:
        self._holders = holders
        self._receiver = receiver

    def export_torrent(self, source: MetadataSource) -> bytes:
        """Return the .torrent file of a copy. Raises `TorrentFileError`."""
        return self._holders[source.instance].export_torrent(source.torrent_id)

    def find_peer_address(self, source: MetadataSource) -> str | None:
        """Return the address where the receiver reaches the peer; None if it is unknown or means another machine."""
        address = self._holders[source.instance].find_peer_address()
        is_reachable = address and (not is_local(address) or is_local(urlsplit(self._receiver.url).netloc))
        return address if is_reachable else None


def list_metadata_instances(plans: Iterable[InstancePlan]) -> frozenset[str]:
    """Return the names of the instances that torrents of these plans get metadata from."""
    return frozenset(
        action.metadata_from.instance
        for plan in plans
        if not (plan.suspended or plan.verdict.refused)
        for action in plan.actions
        if isinstance(action, SetTorrent) and action.metadata_from and not action.hold
    )


def prepare_holders(
    plans: Iterable[InstancePlan], instances: Mapping[str, Instance], observations: Observations, retry: RetryPolicy
) -> tuple[Observations, dict[str, MetadataHolder]]:
    """Return the instances that torrents of these plans get metadata from, and observations that they can share."""
    names = list_metadata_instances(plans)
    shared = share_targets(observations, names)
    return shared, {name: MetadataHolder(instances[name], shared[name].target, retry) for name in names}


def share_targets(observations: Observations, names: Iterable[str]) -> Observations:
    """Return the observations with targets for these instances that several threads can use."""
    shared = {name: _share_target(observations[name]) for name in names}
    return {**observations, **shared} if shared else observations


def _share_target(observation: Observation) -> Observation:
    return replace(observation, target=cast("OpenTarget", _SharedTarget(observation.target)))


class _SharedTarget:
    """A target whose calls wait for each other."""

    def __init__(self, target: OpenTarget) -> None:
        self._target = target
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._lock_call(value) if callable(value) else value

    def _lock_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def call_alone(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return call(*args, **kwargs)

        return call_alone
