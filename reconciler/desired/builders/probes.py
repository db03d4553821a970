"""Builds the probes of instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.desired.builders.exposure import warn_of_exposure
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.probes import (
    PROBE_KINDS,
    QBITTORRENT_PROBE_KINDS,
    AddressesEntry,
    GluetunEntry,
    ProbeEntry,
)
from reconciler.desired.secrets import resolve_secret, resolve_text
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.health import (
    AddressRule,
    ConnectionStatusCheck,
    ExternalIpCheck,
    GluetunCheck,
    HttpCheck,
    InterfaceCheck,
    PingCheck,
    Probe,
    ProbeCheck,
    TcpCheck,
)
from reconciler.model.position import Position


def build_probes(
    document: YamlDocument, instance: str, entries: Sequence[ProbeEntry], context: LoadContext
) -> tuple[Probe, ...]:
    """Build the probes of one instance, in order. Entries with an invalid key are skipped."""
    raw_entries = document.data["instances"][instance].get("health", ())
    probes: dict[ProbeCheck, Probe] = {}
    positions: dict[ProbeCheck, Position] = {}
    for index, entry in enumerate(entries):
        raw_entry = raw_entries[index]
        if not isinstance(raw_entry, dict) or raw_entry.keys() != entry.keys():
            continue
        loc = ("instances", instance, "health", index)
        probe = _build_probe(document, loc, entry, context)
        if probe and probe.check in probes:
            first = positions[probe.check]
            context.add_problem(
                document.find_position(*loc),
                Code.PROBE,
                f"this probe is already declared at {first}",
                "Keep one of the two",
            )
        elif probe:
            probes[probe.check], positions[probe.check] = probe, document.find_position(*loc)
    return tuple(probes.values())


def _build_probe(document: YamlDocument, loc: Loc, entry: ProbeEntry, context: LoadContext) -> Probe | None:
    kinds = [kind for kind in PROBE_KINDS if kind in entry]
    if not kinds:
        hint = f"Add one of {', '.join(PROBE_KINDS)}"
        context.add_problem(document.find_position(*loc), Code.PROBE, "this probe does not say what to check", hint)
        return None
    if len(kinds) > 1:
        message = f"{' and '.join(kinds)} are {len(kinds)} probes in one item"
        context.add_problem(document.find_position(*loc), Code.PROBE, message, "Write each as a separate item")
        return None
    (kind,) = kinds
    if kind in QBITTORRENT_PROBE_KINDS and "timeout" in entry:
        context.add_problem(
            document.find_key_position(*loc, "timeout"),
            Code.USELESS_HEALTH_KEY,
            f'"{kind}" is answered by qBittorrent itself and has no timeout of its own',
            "Remove it: the timeout of the instance applies",
        )
    settings: dict[str, Any] = {
        key: value for key, value in entry.items() if key in ("timeout", "failure_threshold", "success_threshold")
    }
    return Probe(_build_check(kind, entry, document, (*loc, kind), context), **settings)


def _build_check(kind: str, entry: ProbeEntry, document: YamlDocument, loc: Loc, context: LoadContext) -> ProbeCheck:
    value: Any = entry[kind]  # type: ignore[literal-required]
    match kind:
        case "tcp":
            return TcpCheck(*value)
        case "ping":
            return PingCheck(value)
        case "http":
            return HttpCheck(**value)
        case "interface":
            return InterfaceCheck(value)
        case "connection_status":
            return ConnectionStatusCheck(value)
        case "external_ip":
            return ExternalIpCheck(_build_addresses(value))
    return _build_gluetun_check(value, document, loc, context)


def _build_gluetun_check(entry: GluetunEntry, document: YamlDocument, loc: Loc, context: LoadContext) -> GluetunCheck:
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.add_problem(
            document.find_position(*loc),
            Code.LOGIN,
            "gluetun has an api_key and a username or password",
            "Keep one of the two",
        )
    elif (username is None) != (password is None):
        context.add_problem(
            document.find_position(*loc),
            Code.LOGIN,
            "gluetun needs a username and a password, or neither",
            "Add the other one",
        )
    warn_of_exposure(entry["url"], entry, document, loc, context)
    return GluetunCheck(
        entry["url"],
        _build_addresses(entry),
        resolve_secret(document, (*loc, "api_key"), api_key, context, receiver=entry["url"]),
        resolve_text(document, (*loc, "username"), username, context, receiver=entry["url"]),
        resolve_secret(document, (*loc, "password"), password, context, receiver=entry["url"]),
    )


def _build_addresses(entry: AddressesEntry) -> AddressRule:
    return AddressRule(entry.get("must_be", ()), entry.get("must_not_be", ()))
