"""What `reconcile doctor` makes of what an instance says, each a line of its own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from humanize import naturalsize

from reconciler.model.desired import Instance
from reconciler.model.doctor import Finding, Verdict
from reconciler.model.errors import AuthFailed, Banned, InstanceError, TlsFailed, Unsupported
from reconciler.model.health import Answer, NetworkState, Probe
from reconciler.model.options import CREATE_ONLY, OPTIONS, WEB_SEEDS_RELEASE, WEB_SEEDS_SINCE, Version
from reconciler.qbittorrent.client import is_loopback

LITTLE: Final = 1 << 30  # bytes
APART: Final = 30.0  # seconds between two clocks
_LOOK: Final = "Look into the log of qBittorrent, and of a proxy before it"

# What is no option of a torrent: the Web API that brought it, in which release.
_ABILITIES: Final = (
    ("tags with an add", (2, 7), "4.3.2"),
    ("v2 infohashes", (2, 8, 4), "4.4"),
    ("export of .torrent files", (2, 8, 14), "4.5"),
    ("web_seeds", WEB_SEEDS_SINCE, WEB_SEEDS_RELEASE),
    ("API keys", (2, 14, 1), "5.2"),
)


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, text)


def note(check: str, text: str, mend: str = "") -> Finding:
    """Worth knowing."""
    return Finding(check, Verdict.NOTE, text, mend)


def fail(check: str, text: str, mend: str) -> Finding:
    """Something to mend."""
    return Finding(check, Verdict.FAIL, text, mend)


def failed(check: str, name: str, error: InstanceError) -> Finding:
    """What an error says, parted into what happened and what to do."""
    text, _, mend = str(error).removeprefix(f"{name}: ").partition(". ")
    return fail(check, text, mend or _LOOK)


def not_opened(instance: Instance, error: InstanceError) -> list[Finding]:
    """How far it got that could not be opened."""
    name = instance.name
    if isinstance(error, TlsFailed):
        return [ok("reachable", f"{_place(instance)} takes connections"), failed("tls", name, error)]
    if isinstance(error, (AuthFailed, Banned)):
        return [*reached(instance), failed("login", name, error)]
    if isinstance(error, Unsupported):
        return [*reached(instance), logged_in(instance), failed("version", name, error)]
    return [failed("reachable", name, error)]


def reached(instance: Instance) -> list[Finding]:
    """What is known as soon as it answers."""
    return [ok("reachable", f"{_place(instance)} answers"), _tls(instance)]


def logged_in(instance: Instance) -> Finding:
    """By what it let us in."""
    if instance.api_key:
        return ok("login", "the API key is accepted")
    if instance.username is not None:
        return ok("login", f"{instance.username} is logged in")
    return ok("login", "it trusts this address and asks for no login")


def _tls(instance: Instance) -> Finding:
    if urlsplit(instance.url).scheme == "http":
        if is_loopback(instance.url):
            return ok("tls", "http, and only on this machine")
        mend = "That is fine inside of a host or a VPN; else let `url` begin with https://"
        return note("tls", "http: the login and all else can be read on the way", mend)
    if not instance.tls_verify:
        mend = "Name its CA in `tls.ca_file` and remove `tls.verify`"
        return note("tls", "https, but `tls.verify` is off: anybody could pass for it", mend)
    return ok("tls", "https, and its certificate is trusted")


def version(told: str, web_api: str, libtorrent: str, *, tested: bool) -> Finding:
    """What it is."""
    text = f"{told}, Web API {web_api}, libtorrent {libtorrent}"
    if tested:
        return ok("version", text)
    return note("version", f"{text}: newer than any that was tested", "Look for a newer reconcile")


def abilities(api: Version) -> Finding:
    """What can be declared that it lacks."""
    lacking = [(what, release) for what, since, release in _ABILITIES if api < since]
    options = [(one.field, one.release) for one in OPTIONS.values() if api < one.since]
    options += [(one.field, one.release) for one in CREATE_ONLY.values() if api < one.since]
    if not (lacking or options):
        return ok("abilities", "it can do all that can be declared")
    told = ", ".join(f"{what} ({release})" for what, release in sorted([*lacking, *options], key=_by_release))
    return note("abilities", f"it lacks {told}", "Update qBittorrent where you need one of them")


def _by_release(one: tuple[str, str]) -> tuple[int, ...]:
    return tuple(int(number) for number in one[1].split("."))


def clock(theirs: datetime | None, ours: datetime) -> Finding:
    """How far its clock is from ours; what it tells has whole seconds."""
    if theirs is None:
        return note("clock", "it does not tell its time")
    seconds = (theirs - ours).total_seconds()
    if abs(seconds) <= APART:
        return ok("clock", "the same time as here" if abs(seconds) <= 2 else f"{abs(seconds):.0f} s apart from ours")
    which = "ahead of" if seconds > 0 else "behind"
    return fail("clock", f"it is {abs(seconds):.0f} s {which} ours", "Let both machines set their clocks by NTP")


def interface(seen: NetworkState) -> Finding:
    """What it is bound to."""
    bound = seen.interface or ""
    shown = seen.interface_name or bound
    if not bound:
        mend = "Behind a VPN, bind it to the VPN's interface, so that nothing leaves by another"
        return note("interface", "not bound to any: it uses whatever there is", mend)
    if seen.interfaces is not None and bound not in seen.interfaces:
        mend = "Bring the interface (the VPN) up there, or bind qBittorrent to another"
        return fail("interface", f"bound to {shown}, which its machine does not have", mend)
    return ok("interface", f"bound to {shown}")


def address(seen: NetworkState, told: str) -> Finding:
    """Under what address it was seen."""
    if seen.addresses is None:
        return note("address", f"qBittorrent {told} does not tell its external address; 5.1 and later do")
    if not seen.addresses:
        return note("address", "not known yet: it learns it from trackers, peers and the DHT")
    return ok("address", f"{' and '.join(seen.addresses)} from outside")


def connection(seen: NetworkState) -> Finding:
    """What it calls its connection."""
    status = seen.connection_status or "not told"
    if status == "connected":
        return ok("connection", "connected")
    if status == "firewalled":
        mend = "Forward its port (behind a VPN: at the provider) if peers are to find it"
        return note("connection", "firewalled: no incoming connection was seen yet", mend)
    return fail("connection", status, "Look at its listening port and network interface: it has no connection")


def creator(there: bool, told: str) -> Finding:
    """Can it make torrents?"""
    if there:
        return ok("torrent creator", "there")
    return note("torrent creator", f"qBittorrent {told} has none; 5.0 and later do")


def free_space(free: int | None, path: str) -> Finding:
    """What is left for downloads at the default path."""
    if free is None:
        return note("free space", "not told to one who comes with an API key, before 5.3")
    text = f"{naturalsize(free, binary=True)} at {path}"
    return fail("free space", text, "Make room there") if free < LITTLE else ok("free space", text)


def folder(path: str, there: bool | None, nearest: str) -> Finding:
    """A path that is declared. `nearest` is the innermost folder above it that is there, "" for none but the root."""
    check = f"path {path}"
    if there:
        return ok(check, "there")
    if nearest:
        return ok(check, f"not there yet; qBittorrent makes it in {nearest}")
    mend = "Give it as qBittorrent sees it: is the volume mounted in its container, and under this name?"
    return fail(check, "nothing of it is there", mend)


def probed(probe: Probe, answer: Answer) -> Finding:
    """What a probe showed."""
    check = f"probe {probe.subject}"
    return ok(check, answer.text) if answer.passed else fail(check, answer.text, answer.mend or _LOOK)


def not_asked(probes: Sequence[Probe]) -> list[Finding]:
    """The probes that ask qBittorrent itself, where it cannot be asked."""
    return [note(f"probe {probe.subject}", "not asked, since qBittorrent cannot be asked") for probe in probes]


def _place(instance: Instance) -> str:
    return urlsplit(instance.url).netloc.rpartition("@")[2]
