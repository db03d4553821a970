"""What `reconcile doctor` makes of what an instance says, each a line of its own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from humanize import naturalsize

from reconciler.model.desired import Instance
from reconciler.model.doctor import CheckStatus, Finding
from reconciler.model.errors import AuthenticationError, BannedError, InstanceError, TlsError, UnsupportedError
from reconciler.model.fields import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.health import NetworkState, Probe, ProbeResult
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    API_KEYS,
    EXTERNAL_ADDRESS,
    FREE_SPACE_AT_PATH,
    TAGS_AT_ADD,
    TORRENT_CREATOR,
    TORRENT_EXPORT,
    V2_INFOHASHES,
    ApiVersion,
    Capability,
)
from reconciler.qbittorrent.client import is_loopback

LOW_FREE_SPACE: Final = 1 << 30  # bytes
MAX_CLOCK_SKEW: Final = 30.0  # seconds between two clocks
_SEE_LOG_HINT: Final = "Look into the log of qBittorrent, and of a proxy before it"

# The capabilities that are no option of a torrent.
_API_FEATURES: Final = (TAGS_AT_ADD, V2_INFOHASHES, TORRENT_EXPORT, ADD_WEB_SEEDS, API_KEYS)


def make_ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, CheckStatus.OK, text)


def make_note(check: str, text: str, hint: str = "") -> Finding:
    """Worth knowing."""
    return Finding(check, CheckStatus.NOTE, text, hint)


def make_failure(check: str, text: str, hint: str) -> Finding:
    """Something to mend."""
    return Finding(check, CheckStatus.FAIL, text, hint)


def failure_from_error(check: str, name: str, error: InstanceError) -> Finding:
    """What an error says, parted into what happened and what to do."""
    text, _, mend = str(error).removeprefix(f"{name}: ").partition(". ")
    return make_failure(check, text, mend or _SEE_LOG_HINT)


def diagnose_open_error(instance: Instance, error: InstanceError) -> list[Finding]:
    """How far it got that could not be opened."""
    name = instance.name
    if isinstance(error, TlsError):
        return [
            make_ok("reachable", f"{_format_host(instance)} takes connections"),
            failure_from_error("tls", name, error),
        ]
    if isinstance(error, (AuthenticationError, BannedError)):
        return [*check_reachable(instance), failure_from_error("login", name, error)]
    if isinstance(error, UnsupportedError):
        return [*check_reachable(instance), check_login(instance), failure_from_error("version", name, error)]
    return [failure_from_error("reachable", name, error)]


def check_reachable(instance: Instance) -> list[Finding]:
    """What is known as soon as it answers."""
    return [make_ok("reachable", f"{_format_host(instance)} answers"), _check_tls(instance)]


def check_login(instance: Instance) -> Finding:
    """By what it let us in."""
    if instance.api_key:
        return make_ok("login", "the API key is accepted")
    if instance.username is not None:
        return make_ok("login", f"{instance.username} is logged in")
    return make_ok("login", "it trusts this address and asks for no login")


def _check_tls(instance: Instance) -> Finding:
    if urlsplit(instance.url).scheme == "http":
        if is_loopback(instance.url):
            return make_ok("tls", "http, and only on this machine")
        mend = "That is fine inside of a host or a VPN; else let `url` begin with https://"
        return make_note("tls", "http: the login and all else can be read on the way", mend)
    if not instance.tls_verify:
        mend = "Name its CA in `tls.ca_file` and remove `tls.verify`"
        return make_note("tls", "https, but `tls.verify` is off: anybody could pass for it", mend)
    return make_ok("tls", "https, and its certificate is trusted")


def check_version(version: str, web_api: str, libtorrent: str, *, tested: bool) -> Finding:
    """What it is."""
    text = f"{version}, Web API {web_api}, libtorrent {libtorrent}"
    if tested:
        return make_ok("version", text)
    return make_note("version", f"{text}: newer than any that was tested", "Look for a newer reconcile")


def check_features(api: ApiVersion) -> Finding:
    """What can be declared that it lacks."""
    options = [option.capability for option in OPTIONS.values()]
    options += [option.capability for option in CREATE_ONLY_OPTIONS.values()]
    missing = [capability for capability in (*_API_FEATURES, *options) if not capability.is_available(api)]
    if not missing:
        return make_ok("abilities", "it can do all that can be declared")
    features = ", ".join(f"{lack.label} ({lack.release})" for lack in sorted(missing, key=_parse_release))
    return make_note("abilities", f"it lacks {features}", "Update qBittorrent where you need one of them")


def _parse_release(capability: Capability) -> tuple[int, ...]:
    return tuple(int(number) for number in capability.release.split("."))


def check_clock(server_time: datetime | None, local_time: datetime) -> Finding:
    """How far its clock is from ours; what it tells has whole seconds."""
    if server_time is None:
        return make_note("clock", "it does not tell its time")
    seconds = (server_time - local_time).total_seconds()
    if abs(seconds) <= MAX_CLOCK_SKEW:
        return make_ok(
            "clock", "the same time as here" if abs(seconds) <= 2 else f"{abs(seconds):.0f} s apart from ours"
        )
    which = "ahead of" if seconds > 0 else "behind"
    return make_failure(
        "clock", f"it is {abs(seconds):.0f} s {which} ours", "Let both machines set their clocks by NTP"
    )


def check_interface(network: NetworkState) -> Finding:
    """What it is bound to."""
    bound = network.interface or ""
    shown = network.interface_name or bound
    if not bound:
        mend = "Behind a VPN, bind it to the VPN's interface, so that nothing leaves by another"
        return make_note("interface", "not bound to any: it uses whatever there is", mend)
    if network.interfaces is not None and bound not in network.interfaces:
        mend = "Bring the interface (the VPN) up there, or bind qBittorrent to another"
        return make_failure("interface", f"bound to {shown}, which its machine does not have", mend)
    return make_ok("interface", f"bound to {shown}")


def check_external_address(network: NetworkState, version: str) -> Finding:
    """Under what address it was seen."""
    if network.addresses is None:
        return make_note(
            "address",
            f"qBittorrent {version} does not tell its external address; {EXTERNAL_ADDRESS.release} and later do",
        )
    if not network.addresses:
        return make_note("address", "not known yet: it learns it from trackers, peers and the DHT")
    return make_ok("address", f"{' and '.join(network.addresses)} from outside")


def check_connection(network: NetworkState) -> Finding:
    """What it calls its connection."""
    status = network.connection_status or "not told"
    if status == "connected":
        return make_ok("connection", "connected")
    if status == "firewalled":
        mend = "Forward its port (behind a VPN: at the provider) if peers are to find it"
        return make_note("connection", "firewalled: no incoming connection was seen yet", mend)
    return make_failure("connection", status, "Look at its listening port and network interface: it has no connection")


def check_torrent_creator(available: bool, version: str) -> Finding:
    """Can it make torrents?"""
    if available:
        return make_ok("torrent creator", "there")
    return make_note("torrent creator", f"qBittorrent {version} has none; {TORRENT_CREATOR.release} and later do")


def check_free_space(free_bytes: int | None, path: str) -> Finding:
    """What is left for downloads at the default path."""
    if free_bytes is None:
        return make_note(
            "free space", f"not told to one who comes with an API key, before {FREE_SPACE_AT_PATH.release}"
        )
    text = f"{naturalsize(free_bytes, binary=True)} at {path}"
    return (
        make_failure("free space", text, "Make room there")
        if free_bytes < LOW_FREE_SPACE
        else make_ok("free space", text)
    )


def check_path(path: str, exists: bool | None, nearest_parent: str) -> Finding:
    """A path that is declared. `nearest` is the innermost folder above it that is there, "" for none but the root."""
    check = f"path {path}"
    if exists:
        return make_ok(check, "there")
    if nearest_parent:
        return make_ok(check, f"not there yet; qBittorrent makes it in {nearest_parent}")
    mend = "Give it as qBittorrent sees it: is the volume mounted in its container, and under this name?"
    return make_failure(check, "nothing of it is there", mend)


def check_probe(probe: Probe, probe_result: ProbeResult) -> Finding:
    """What a probe showed."""
    check = f"probe {probe.check}"
    return (
        make_ok(check, probe_result.text)
        if probe_result.has_passed
        else make_failure(check, probe_result.text, probe_result.hint or _SEE_LOG_HINT)
    )


def note_unasked_probes(probes: Sequence[Probe]) -> list[Finding]:
    """The probes that ask qBittorrent itself, where it cannot be asked."""
    return [make_note(f"probe {probe.check}", "not asked, since qBittorrent cannot be asked") for probe in probes]


def _format_host(instance: Instance) -> str:
    return urlsplit(instance.url).netloc.rpartition("@")[2]
