"""`reconcile doctor`: looks at every instance as closely as it can be looked at, and changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, TypeVar

from reconciler.engine.observe import each
from reconciler.engine.run import utc_now
from reconciler.engine.selection import chosen
from reconciler.health.probes import start
from reconciler.health.qbittorrent_probes import judge_network
from reconciler.health.state import combined, judged, unanswered
from reconciler.model.desired import Desired, Instance
from reconciler.model.doctor import DoctorReport, Examination, Finding
from reconciler.model.errors import InstanceError
from reconciler.model.health import (
    ASKED_FROM_QBITTORRENT,
    Answer,
    ConnectionStatus,
    ExternalIp,
    Interface,
    Probe,
    State,
)
from reconciler.model.paths import normal_path
from reconciler.qbittorrent.inspector import Inspector
from reconciler.queries import doctor_checks as d

T = TypeVar("T")

MOST_PATHS: Final = 50  # of one instance; each takes a few requests


def examine(
    desired: Desired, instances: Sequence[str], stop: threading.Event, now: Callable[[], datetime] = utc_now
) -> DoctorReport:
    """Look at the instances side by side. Raises `UnknownInstance`, and `Stopped` where `stop` is set meanwhile."""
    selected = {one.name: one for one in chosen(desired, instances)}

    def look(name: str) -> Examination:
        return _Examiner(selected[name], paths_of(desired, name), stop, now).examine()

    found = each(selected, look)
    return DoctorReport(tuple(found[name] for name in sorted(found)))


def paths_of(desired: Desired, instance: str) -> tuple[str, ...]:
    """Every path that is declared for an instance, once."""
    found: set[str] = set()
    for category in desired.categories_of(instance).values():
        found.update(path for path in (category.save_path, category.download_path) if isinstance(path, str))
    for entry in desired.torrents:
        if instance in desired.places_of(entry) and not entry.absent:
            incomplete = entry.options.get("download_path")
            found.update(path for path in (entry.save_path, incomplete) if isinstance(path, str))
    return tuple(sorted({normal_path(path) for path in found if path}))


class _Examiner:
    """The examination of one instance. An error costs the check that it belongs to, and no other."""

    def __init__(
        self, instance: Instance, paths: Sequence[str], stop: threading.Event, now: Callable[[], datetime]
    ) -> None:
        self._instance = instance
        self._paths = paths
        self._now = now
        self._target = Inspector(instance, stop=stop)
        self._answers: list[tuple[Probe, Answer]] = []

    def examine(self) -> Examination:
        """All that can be found out."""
        instance, error = self._instance, None
        waiting = start(instance.health)
        findings: list[Finding] = []
        try:
            self._target.open()
            findings = self._opened()
        except InstanceError as failure:
            error = failure
            findings = d.not_opened(instance, failure)
        finally:
            self._target.close()
        self._answers += waiting()
        findings += self._probes()
        return Examination(instance.name, instance.url, self._state(error), tuple(findings), self._target.requests)

    def _opened(self) -> list[Finding]:
        instance, target = self._instance, self._target
        theirs, ours = target.clock(), self._now()
        return [
            *d.reached(instance),
            d.logged_in(instance),
            *self._check("version", self._version),
            d.abilities(target.capabilities.web_api),
            d.clock(theirs, ours),
            *self._network(),
            *self._check("torrent creator", lambda: [d.creator(target.creates_torrents(), target.version)]),
            *self._check("free space", lambda: [d.free_space(target.free_space(), target.default_path())]),
            *self._check("paths", lambda: list(self._folders())),
        ]

    def _check(self, check: str, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
        try:
            return look()
        except InstanceError as error:
            return [d.failed(check, self._instance.name, error)]

    def _version(self) -> Sequence[Finding]:
        target = self._target
        tested = target.capabilities.tested
        return [d.version(target.version, target.web_api, target.libtorrent(), tested=tested)]

    def _network(self) -> Sequence[Finding]:
        """What it says of its network, and what the probes make of the same words."""
        bound = self._seen("interface", partial(self._target.network, interface=True, transfer=False))
        rest = self._seen("connection", partial(self._target.network, interface=False, transfer=True))
        findings = [bound] if isinstance(bound, Finding) else [d.interface(bound)]
        findings += [rest] if isinstance(rest, Finding) else [d.connection(rest), d.address(rest, self._target.version)]
        for probe in self._instance.health:
            seen = bound if isinstance(probe.subject, Interface) else rest
            if isinstance(probe.subject, (Interface, ConnectionStatus, ExternalIp)) and not isinstance(seen, Finding):
                self._answers.append((probe, judge_network(probe.subject, seen, self._target.version)))
        return findings

    def _seen(self, check: str, look: Callable[[], T]) -> T | Finding:
        try:
            return look()
        except InstanceError as error:
            return d.failed(check, self._instance.name, error)

    def _folders(self) -> Iterator[Finding]:
        target, known = self._target, dict[str, bool | None]()

        def there(path: str) -> bool | None:
            if path not in known:
                known[path] = target.has_folder(path)
            return known[path]

        for path in self._paths[:MOST_PATHS]:
            found = there(path)
            if found is None:
                text = f"qBittorrent {target.version} does not tell which folders there are; 5.0 and later do"
                yield d.note("paths", text)
                return
            nearest = "" if found else next((parent for parent in parents(path) if there(parent)), "")
            yield d.folder(path, found, nearest)
        if len(self._paths) > MOST_PATHS:
            yield d.note("paths", f"{len(self._paths) - MOST_PATHS} more are declared and were not looked at")

    def _probes(self) -> list[Finding]:
        """In the order in which they are declared."""
        answers = {id(probe): answer for probe, answer in self._answers}
        known = [probe for probe in self._instance.health if id(probe) in answers]
        findings = [d.probed(probe, answers[id(probe)]) for probe in known]
        asked = [probe for probe in self._instance.health if isinstance(probe.subject, ASKED_FROM_QBITTORRENT)]
        return findings + d.not_asked([probe for probe in asked if id(probe) not in answers])

    def _state(self, error: InstanceError | None) -> State:
        now = self._now()
        probes = [judged(probe, None, answer, now) for probe, answer in self._answers]
        return (unanswered(None, error, probes, now) if error else combined(None, probes, now)).state


def parents(path: str) -> list[str]:
    """The folders above a path, from within, without the root, which is always there."""
    windows = path[1:2] == ":" or path.startswith("\\\\")
    pure = PureWindowsPath(path) if windows else PurePosixPath(path)
    return [str(parent) for parent in list(pure.parents)[:-1]]
