"""The checks of `reconcile doctor`: what an instance reports, as findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from humanize import naturalsize

from reconciler.model.desired import Instance
from reconciler.model.doctor import CheckStatus, Finding
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    InstanceError,
    SessionLostError,
    TlsError,
    UnsupportedError,
)
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.health import NetworkState, Probe, ProbeResult
from reconciler.model.lease import LeaseTags
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    API_KEYS,
    EXTERNAL_ADDRESS,
    FREE_SPACE_AT_PATH,
    TAGS_AT_ADD,
    TORRENT_CREATOR,
    TORRENT_EXPORT,
    V2_TORRENTS,
    ApiVersion,
    Capability,
    parse_version,
)
from reconciler.qbittorrent.client import is_loopback

LOW_FREE_SPACE: Final = 1 << 30  # bytes
MAX_CLOCK_SKEW: Final = 30.0  # seconds between two clocks
_SEE_LOG_HINT: Final = "See the log of qBittorrent, and of a proxy in front of it"

# The capabilities that do not belong to an option of a torrent.
_FEATURES: Final = (TAGS_AT_ADD, V2_TORRENTS, TORRENT_EXPORT, ADD_WEB_SEEDS, API_KEYS)


def make_ok(check: str, text: str) -> Finding:
    """Return a finding for a check that passed."""
    return Finding(check, CheckStatus.OK, text)


def make_note(check: str, text: str, hint: str = "") -> Finding:
    """Return a finding that needs no action."""
    return Finding(check, CheckStatus.NOTE, text, hint)


def make_failure(check: str, text: str, hint: str) -> Finding:
    """Return a finding to fix, with a hint how."""
    return Finding(check, CheckStatus.FAIL, text, hint)


def failure_from_error(check: str, name: str, error: InstanceError) -> Finding:
    """Return an error as a finding: its first sentence is the text, the rest is the hint."""
    text, _, hint = str(error).removeprefix(f"{name}: ").partition(". ")
    return make_failure(check, text, hint or _SEE_LOG_HINT)


def diagnose_open_error(instance: Instance, error: InstanceError) -> list[Finding]:
    """Return the findings for an instance that could not be opened: the checks that passed, and the failed check."""
    name = instance.name
    if isinstance(error, TlsError):
        return [
            make_ok("reachable", f"{_format_host(instance)} accepts connections"),
            failure_from_error("tls", name, error),
        ]
    if isinstance(error, (AuthenticationError, BannedError, SessionLostError)):
        return [*check_reachable(instance), failure_from_error("login", name, error)]
    if isinstance(error, UnsupportedError):
        return [*check_reachable(instance), check_login(instance), failure_from_error("version", name, error)]
    return [failure_from_error("reachable", name, error)]


def check_reachable(instance: Instance) -> list[Finding]:
    """Check what is certain as soon as the instance answers: its address and TLS."""
    return [make_ok("reachable", f"{_format_host(instance)} answers"), _check_tls(instance)]


def check_login(instance: Instance) -> Finding:
    """Return the kind of login that the instance accepted."""
    if instance.api_key:
        return make_ok("login", "the API key is accepted")
    if instance.username is not None:
        return make_ok("login", f"{instance.username} is logged in")
    return make_ok("login", "no login is required from this address")


def _check_tls(instance: Instance) -> Finding:
    if urlsplit(instance.url).scheme == "http":
        if is_loopback(instance.url):
            return make_ok("tls", "http, on this machine only")
        hint = "This is fine within a host or a VPN. Otherwise use a `url` with https://"
        return make_note("tls", "http: the login and all data are sent unencrypted", hint)
    if not instance.tls_verify:
        hint = "Set `tls.ca_file` to its CA, and remove `tls.verify`"
        return make_note("tls", "https, but `tls.verify` is off: another server could impersonate it", hint)
    return make_ok("tls", "https with a trusted certificate")


def check_version(version: str, web_api: str, libtorrent: str, *, tested: bool) -> Finding:
    """Return the versions, with a note if they are newer than every tested version."""
    text = f"{version}, Web API {web_api}, libtorrent {libtorrent}"
    if tested:
        return make_ok("version", text)
    return make_note("version", f"{text}: newer than every tested version", "Look for a newer version of reconcile")


def check_features(api: ApiVersion, libtorrent: str) -> Finding:
    """List the features that can be declared and that this build lacks. `libtorrent` "": its version is unknown."""
    library = parse_version(libtorrent)
    options = [option.capability for option in OPTIONS.values()]
    options += [option.capability for option in CREATE_ONLY_OPTIONS.values()]
    missing = [feature for feature in (*_FEATURES, *options) if not feature.is_available(api, library)]
    if not missing:
        return make_ok("abilities", "supports every feature that can be declared")
    features = ", ".join(
        f"{feature.label} ({_name_build(feature, api)})" for feature in sorted(missing, key=_parse_release)
    )
    hint = "Update qBittorrent if you need one of these"
    if any(feature.is_available(api) for feature in missing):
        hint += ", or for v2 torrents choose a build on libtorrent 2"
    return make_note("abilities", f"lacks {features}", hint)


def _name_build(feature: Capability, api: ApiVersion) -> str:
    """Return the release that has the feature; on a newer release, the version of libtorrent."""
    return f"libtorrent {feature.libtorrent[0]}" if feature.is_available(api) else feature.release


def _parse_release(capability: Capability) -> tuple[int, ...]:
    return tuple(int(number) for number in capability.release.split("."))


def check_clock(server_time: datetime | None, local_time: datetime) -> Finding:
    """Compare its clock with ours; it reports whole seconds."""
    if server_time is None:
        return make_note("clock", "does not report its time")
    seconds = (server_time - local_time).total_seconds()
    if abs(seconds) <= MAX_CLOCK_SKEW:
        return make_ok(
            "clock", "same time as here" if abs(seconds) <= 2 else f"differs from ours by {abs(seconds):.0f} s"
        )
    direction = "ahead of" if seconds > 0 else "behind"
    return make_failure(
        "clock", f"{abs(seconds):.0f} s {direction} ours", "Synchronize the clocks of both machines with NTP"
    )


def check_leases(leases: LeaseTags) -> Finding:
    """List the desired states that change the instance, and the run that does so now."""
    marks = [
        f'owner "{mark.owner}" as {mark.instance} since {mark.since:%Y-%m-%d}'
        for mark in sorted(leases.marks, key=lambda mark: mark.tag)
    ]
    text = ", ".join(marks) or "no desired state has changed it yet"
    if not leases.holds:
        return make_ok("managed by", text)
    runs = "; ".join(sorted(str(hold) for hold in leases.holds))
    hint = "If that run has ended, nothing needs to be done: the next run that changes something recognizes it"
    return make_note("managed by", f"{text}; a run is under way: {runs}", hint)


def check_interface(network: NetworkState) -> Finding:
    """Check the network interface that it is bound to."""
    bound = network.interface or ""
    shown = network.interface_name or bound
    if not bound:
        hint = "Behind a VPN, bind it to the interface of the VPN, so that it uses no other"
        return make_note("interface", "not bound: it uses any interface", hint)
    if network.interfaces is not None and bound not in network.interfaces:
        hint = "Start the interface (the VPN) there, or bind qBittorrent to another"
        return make_failure("interface", f"bound to {shown}, which does not exist on its machine", hint)
    return make_ok("interface", f"bound to {shown}")


def check_external_address(network: NetworkState, version: str) -> Finding:
    """Return its external addresses, as other peers reported them."""
    if network.addresses is None:
        return make_note(
            "address",
            f"qBittorrent {version} does not report its external address; {EXTERNAL_ADDRESS.release} and later do",
        )
    if not network.addresses:
        return make_note("address", "not known yet: it comes from trackers, peers and the DHT")
    return make_ok("address", f"{' and '.join(network.addresses)} as seen from outside")


def check_connection(network: NetworkState) -> Finding:
    """Check its connection status."""
    status = network.connection_status or "not reported"
    if status == "connected":
        return make_ok("connection", "connected")
    if status == "firewalled":
        hint = "Forward its port (behind a VPN: at the provider), so that peers can connect to it"
        return make_note("connection", "firewalled: no incoming connection so far", hint)
    return make_failure(
        "connection", status, "It has no connection: check its listening port and its network interface"
    )


def check_torrent_creator(available: bool, version: str) -> Finding:
    """Check for the torrent creator."""
    if available:
        return make_ok("torrent creator", "available")
    return make_note("torrent creator", f"qBittorrent {version} has none; {TORRENT_CREATOR.release} and later do")


def check_free_space(free_bytes: int | None, path: str) -> Finding:
    """Check the free space at the default save path. `free_bytes` None: unknown."""
    if free_bytes is None:
        return make_note(
            "free space", f"qBittorrent before {FREE_SPACE_AT_PATH.release} does not report it to API-key sessions"
        )
    text = f"{naturalsize(free_bytes, binary=True)} at {path}"
    return (
        make_failure("free space", text, "Free some space there")
        if free_bytes < LOW_FREE_SPACE
        else make_ok("free space", text)
    )


def check_path(path: str, exists: bool | None, nearest_parent: str) -> Finding:
    """Check a declared path. `nearest_parent`: its innermost parent that exists; "" if that is the root."""
    check = f"path {path}"
    if exists:
        return make_ok(check, "exists")
    if nearest_parent:
        return make_ok(check, f"does not exist yet; qBittorrent creates it in {nearest_parent}")
    hint = "Declare the path as qBittorrent sees it. Is the volume mounted in its container, under this name?"
    return make_failure(check, "does not exist, nor does any of its parents", hint)


def check_probe(probe: Probe, probe_result: ProbeResult) -> Finding:
    """Return the result of a probe as a finding."""
    check = f"probe {probe.check}"
    return (
        make_ok(check, probe_result.text)
        if probe_result.has_passed
        else make_failure(check, probe_result.text, probe_result.hint or _SEE_LOG_HINT)
    )


def note_unasked_probes(probes: Sequence[Probe]) -> list[Finding]:
    """Return a note for each probe that qBittorrent itself would have to answer."""
    return [make_note(f"probe {probe.check}", "not run, because qBittorrent does not answer") for probe in probes]


def _format_host(instance: Instance) -> str:
    return urlsplit(instance.url).netloc.rpartition("@")[2]
