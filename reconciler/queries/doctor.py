"""`reconcile doctor`: looks at every instance as closely as it can be looked at, and changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, TypeVar

from reconciler.engine.concurrency import map_instances
from reconciler.engine.selection import select_instances
from reconciler.health.probes import start_probes
from reconciler.health.qbittorrent_probes import evaluate_network
from reconciler.health.state import health_from_error, health_from_probes, update_probe
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.doctor import DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.errors import InstanceError
from reconciler.model.health import (
    QBITTORRENT_CHECKS,
    ConnectionStatusCheck,
    ExternalIpCheck,
    HealthState,
    InterfaceCheck,
    Probe,
    ProbeResult,
)
from reconciler.model.paths import normalize_path
from reconciler.model.versions import DIRECTORY_CONTENT, is_tested
from reconciler.qbittorrent.inspector import Inspector
from reconciler.queries import doctor_checks as d
from reconciler.retry import utc_now

T = TypeVar("T")

MAX_PATHS: Final = 50  # of one instance; each takes a few requests


def examine_instances(
    desired: DesiredState, instances: Sequence[str], stop: threading.Event, now: Callable[[], datetime] = utc_now
) -> DoctorReport:
    """Look at the instances side by side. Raises `UnknownInstance`, and `StopRequested` where `stop` is set meanwhile."""
    selected = {one.name: one for one in select_instances(desired, instances)}

    def examine_instance(name: str) -> InstanceDiagnosis:
        return _Examiner(selected[name], list_declared_paths(desired, name), stop, now).examine()

    found = map_instances(selected, examine_instance)
    return DoctorReport(tuple(found[name] for name in sorted(found)))


def list_declared_paths(desired: DesiredState, instance: str) -> tuple[str, ...]:
    """Every path that is declared for an instance, once."""
    found: set[str] = set()
    for category in desired.categories_of(instance).values():
        found.update(path for path in (category.save_path, category.download_path) if isinstance(path, str))
    for entry in desired.torrents:
        if instance in desired.instances_of(entry) and not entry.absent:
            incomplete = entry.options.get("download_path")
            found.update(path for path in (entry.save_path, incomplete) if isinstance(path, str))
    return tuple(sorted({normalize_path(path) for path in found if path}))


class _Examiner:
    """The examination of one instance. An error costs the check that it belongs to, and no other."""

    def __init__(
        self, instance: Instance, paths: Sequence[str], stop: threading.Event, now: Callable[[], datetime]
    ) -> None:
        self._instance = instance
        self._paths = paths
        self._now = now
        self._inspector = Inspector(instance, stop=stop)
        self._probe_results: list[tuple[Probe, ProbeResult]] = []

    def examine(self) -> InstanceDiagnosis:
        """All that can be found out."""
        instance, error = self._instance, None
        running = start_probes(instance.health)
        findings: list[Finding] = []
        try:
            self._inspector.open()
            findings = self._examine_session()
        except InstanceError as failure:
            error = failure
            findings = d.diagnose_open_error(instance, failure)
        finally:
            self._inspector.close()
        self._probe_results += running.wait()
        findings += self._check_probes()
        return InstanceDiagnosis(
            instance.name, instance.url, self._compute_state(error), tuple(findings), self._inspector.request_count
        )

    def _examine_session(self) -> list[Finding]:
        instance, target = self._instance, self._inspector
        theirs, ours = target.get_server_time(), self._now()
        return [
            *d.check_reachable(instance),
            d.check_login(instance),
            *self._run_check("version", self._check_version),
            d.check_features(target.api_version),
            d.check_clock(theirs, ours),
            *self._check_network(),
            *self._run_check(
                "torrent creator", lambda: [d.check_torrent_creator(target.has_torrent_creator(), target.version)]
            ),
            *self._run_check(
                "free space", lambda: [d.check_free_space(target.read_free_space(), target.read_default_save_path())]
            ),
            *self._run_check("paths", lambda: list(self._check_paths())),
        ]

    def _run_check(self, check: str, make_findings: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
        try:
            return make_findings()
        except InstanceError as error:
            return [d.failure_from_error(check, self._instance.name, error)]

    def _check_version(self) -> Sequence[Finding]:
        target = self._inspector
        tested = is_tested(target.api_version)
        return [d.check_version(target.version, target.web_api, target.read_libtorrent_version(), tested=tested)]

    def _check_network(self) -> Sequence[Finding]:
        """What it says of its network, and what the probes make of the same words."""
        bound = self._try_read("interface", partial(self._inspector.read_network_state, interface=True, transfer=False))
        rest = self._try_read("connection", partial(self._inspector.read_network_state, interface=False, transfer=True))
        findings = [bound] if isinstance(bound, Finding) else [d.check_interface(bound)]
        findings += (
            [rest]
            if isinstance(rest, Finding)
            else [d.check_connection(rest), d.check_external_address(rest, self._inspector.version)]
        )
        for probe in self._instance.health:
            seen = bound if isinstance(probe.check, InterfaceCheck) else rest
            if isinstance(probe.check, (InterfaceCheck, ConnectionStatusCheck, ExternalIpCheck)) and not isinstance(
                seen, Finding
            ):
                self._probe_results.append((probe, evaluate_network(probe.check, seen, self._inspector.version)))
        return findings

    def _try_read(self, check: str, read: Callable[[], T]) -> T | Finding:
        try:
            return read()
        except InstanceError as error:
            return d.failure_from_error(check, self._instance.name, error)

    def _check_paths(self) -> Iterator[Finding]:
        target, known = self._inspector, dict[str, bool | None]()

        def has_folder(path: str) -> bool | None:
            if path not in known:
                known[path] = target.has_folder(path)
            return known[path]

        for path in self._paths[:MAX_PATHS]:
            found = has_folder(path)
            if found is None:
                text = f"qBittorrent {target.version} does not tell which folders there are; {DIRECTORY_CONTENT.release} and later do"
                yield d.make_note("paths", text)
                return
            nearest = "" if found else next((parent for parent in list_parents(path) if has_folder(parent)), "")
            yield d.check_path(path, found, nearest)
        if len(self._paths) > MAX_PATHS:
            yield d.make_note("paths", f"{len(self._paths) - MAX_PATHS} more are declared and were not looked at")

    def _check_probes(self) -> list[Finding]:
        """In the order in which they are declared."""
        answers = {id(probe): answer for probe, answer in self._probe_results}
        known = [probe for probe in self._instance.health if id(probe) in answers]
        findings = [d.check_probe(probe, answers[id(probe)]) for probe in known]
        asked = [probe for probe in self._instance.health if isinstance(probe.check, QBITTORRENT_CHECKS)]
        return findings + d.note_unasked_probes([probe for probe in asked if id(probe) not in answers])

    def _compute_state(self, error: InstanceError | None) -> HealthState:
        now = self._now()
        probes = [update_probe(probe, None, answer, now) for probe, answer in self._probe_results]
        return (health_from_error(None, error, probes, now) if error else health_from_probes(None, probes, now)).state


def list_parents(path: str) -> list[str]:
    """The folders above a path, from within, without the root, which is always there."""
    windows = path[1:2] == ":" or path.startswith("\\\\")
    pure = PureWindowsPath(path) if windows else PurePosixPath(path)
    return [str(parent) for parent in list(pure.parents)[:-1]]
