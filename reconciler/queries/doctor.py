"""`reconcile doctor`: a thorough examination of every instance, which changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
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
from reconciler.model.lease import LeaseTags
from reconciler.model.paths import normalize_path
from reconciler.model.versions import DIRECTORY_CONTENT, is_tested
from reconciler.qbittorrent import LoginMemory
from reconciler.qbittorrent.inspector import Inspector
from reconciler.queries import doctor_checks as checks
from reconciler.retry import utc_now
from reconciler.waits import track_wait

T = TypeVar("T")

MAX_PATHS: Final = 50  # of one instance; each takes a few requests


def examine_instances(
    desired: DesiredState,
    instances: Sequence[str],
    stop: threading.Event,
    logins: LoginMemory | None = None,
    now: Callable[[], datetime] = utc_now,
) -> DoctorReport:
    """Examine the instances concurrently. Raises `UnknownInstance`, and `StopRequested` if `stop` is set meanwhile."""
    examiners = {
        instance.name: _Examiner(
            Inspector(instance, stop=stop, logins=logins), instance, list_declared_paths(desired, instance.name), now
        )
        for instance in select_instances(desired, instances)
    }
    diagnoses = map_instances(examiners, lambda name: examiners[name].examine(), "checking")
    return DoctorReport(tuple(diagnoses[name] for name in sorted(diagnoses)))


def list_declared_paths(desired: DesiredState, instance: str) -> tuple[str, ...]:
    """Return every path that is declared for an instance, without duplicates, sorted."""
    paths: set[str] = set()
    for category in desired.categories_of(instance).values():
        paths.update(path for path in (category.save_path, category.download_path) if isinstance(path, str))
    for entry in desired.torrents:
        if instance in desired.instances_of(entry) and not entry.absent:
            incomplete = entry.options.get("download_path")
            paths.update(path for path in (entry.save_path, incomplete) if isinstance(path, str))
    return tuple(sorted({normalize_path(path) for path in paths if path}))


class _Examiner:
    """Examines one instance. An error fails the check in which it occurs, and no other."""

    def __init__(
        self, inspector: Inspector, instance: Instance, paths: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._inspector = inspector
        self._instance = instance
        self._paths = paths
        self._now = now
        self._probe_results: list[tuple[Probe, ProbeResult]] = []

    def examine(self) -> InstanceDiagnosis:
        """Run all checks."""
        instance, error = self._instance, None
        running = start_probes(instance.health)
        findings: list[Finding] = []
        try:
            self._inspector.open()
            findings = self._examine_session()
        except InstanceError as failure:
            error = failure
            findings = checks.diagnose_open_error(instance, failure)
        finally:
            self._inspector.close()
        with track_wait("probing", instance.name):
            self._probe_results += running.wait()
        findings += self._check_probes()
        return InstanceDiagnosis(
            instance.name,
            instance.shown_url,
            self._compute_state(error),
            tuple(findings),
            self._inspector.request_count,
        )

    def _examine_session(self) -> list[Finding]:
        instance, target = self._instance, self._inspector
        server_time, local_time = target.get_server_time(), self._now()
        return [
            *checks.check_reachable(instance),
            checks.check_login(instance),
            *self._check_build(),
            checks.check_clock(server_time, local_time),
            *self._run_check("managed by", lambda: [checks.check_leases(LeaseTags.parse(target.read_tags()))]),
            *self._check_network(),
            *self._run_check(
                "torrent creator", lambda: [checks.check_torrent_creator(target.has_torrent_creator(), target.version)]
            ),
            *self._run_check(
                "free space",
                lambda: [checks.check_free_space(target.read_free_space(), target.read_default_save_path())],
            ),
            *self._run_check("paths", lambda: list(self._check_paths())),
        ]

    def _run_check(self, check: str, make_findings: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
        try:
            return make_findings()
        except InstanceError as error:
            return [checks.failure_from_error(check, self._instance.name, error)]

    def _check_build(self) -> Sequence[Finding]:
        """Check the versions of qBittorrent and its libtorrent, and what such a build lacks."""
        target = self._inspector
        libtorrent = self._try_read("version", target.read_libtorrent_version)
        if isinstance(libtorrent, Finding):
            return [libtorrent, checks.check_features(target.api_version, "")]
        tested = is_tested(target.api_version)
        return [
            checks.check_version(target.version, target.web_api, libtorrent, tested=tested),
            checks.check_features(target.api_version, libtorrent),
        ]

    def _check_network(self) -> Sequence[Finding]:
        """Check the reported network state, and evaluate the probes that depend on it."""
        inspector = self._inspector
        bound = self._try_read("interface", lambda: inspector.read_network_state(interface=True, transfer=False))
        transfer = self._try_read("connection", lambda: inspector.read_network_state(interface=False, transfer=True))
        findings = [bound] if isinstance(bound, Finding) else [checks.check_interface(bound)]
        findings += (
            [transfer]
            if isinstance(transfer, Finding)
            else [checks.check_connection(transfer), checks.check_external_address(transfer, inspector.version)]
        )
        for probe in self._instance.health:
            network = bound if isinstance(probe.check, InterfaceCheck) else transfer
            if isinstance(probe.check, (InterfaceCheck, ConnectionStatusCheck, ExternalIpCheck)) and not isinstance(
                network, Finding
            ):
                self._probe_results.append((probe, evaluate_network(probe.check, network, inspector.version)))
        return findings

    def _try_read(self, check: str, read: Callable[[], T]) -> T | Finding:
        try:
            return read()
        except InstanceError as error:
            return checks.failure_from_error(check, self._instance.name, error)

    def _check_paths(self) -> Iterator[Finding]:
        has_folder = cache(self._inspector.has_folder)
        for path in self._paths[:MAX_PATHS]:
            exists = has_folder(path)
            if exists is None:
                version, release = self._inspector.version, DIRECTORY_CONTENT.release
                text = f"qBittorrent {version} does not report which folders exist; {release} and later do"
                yield checks.make_note("paths", text)
                return
            nearest = "" if exists else next((parent for parent in list_parents(path) if has_folder(parent)), "")
            yield checks.check_path(path, exists, nearest)
        if len(self._paths) > MAX_PATHS:
            yield checks.make_note("paths", f"{len(self._paths) - MAX_PATHS} more declared paths were not checked")

    def _check_probes(self) -> list[Finding]:
        """Return a finding for every probe, in the order in which they are declared."""
        results = {id(probe): probe_result for probe, probe_result in self._probe_results}
        findings = [
            checks.check_probe(probe, results[id(probe)]) for probe in self._instance.health if id(probe) in results
        ]
        unasked = [
            probe
            for probe in self._instance.health
            if isinstance(probe.check, QBITTORRENT_CHECKS) and id(probe) not in results
        ]
        return findings + checks.note_unasked_probes(unasked)

    def _compute_state(self, error: InstanceError | None) -> HealthState:
        now = self._now()
        probes = [update_probe(probe, None, probe_result, now) for probe, probe_result in self._probe_results]
        return (health_from_error(None, error, probes, now) if error else health_from_probes(None, probes, now)).state


def list_parents(path: str) -> list[str]:
    """Return the parents of a path, innermost first, without the root, which always exists."""
    windows = path[1:2] == ":" or path.startswith("\\\\")
    pure = PureWindowsPath(path) if windows else PurePosixPath(path)
    return [str(parent) for parent in list(pure.parents)[:-1]]
