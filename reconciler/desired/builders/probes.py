"""Checked entries -> probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.desired import secrets
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.probes import (
    PROBE_SUBJECTS,
    QBITTORRENT_SUBJECTS,
    AddressesEntry,
    GluetunEntry,
    ProbeEntry,
)
from reconciler.desired.yaml.document import YamlDocument
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

Loc = tuple[str | int, ...]


def build_probes(
    document: YamlDocument, instance: str, entries: Sequence[ProbeEntry], context: LoadContext
) -> tuple[Probe, ...]:
    """The probes of one instance, in order. What the schema has found fault with is not looked at again."""
    raw = document.data["instances"][instance].get("health", ())
    probes: dict[ProbeCheck, Probe] = {}
    places: dict[ProbeCheck, Position] = {}
    for index, entry in enumerate(entries):
        if not isinstance(raw[index], dict) or raw[index].keys() != entry.keys():
            continue
        loc = ("instances", instance, "health", index)
        probe = _build_probe(document, loc, entry, context)
        if probe and probe.check in probes:
            first = places[probe.check]
            context.add_problem(
                document.find_position(*loc), f"this probe is already given at {first}", "Keep one of the two"
            )
        elif probe:
            probes[probe.check], places[probe.check] = probe, document.find_position(*loc)
    return tuple(probes.values())


def _build_probe(document: YamlDocument, loc: Loc, entry: ProbeEntry, context: LoadContext) -> Probe | None:
    given = [key for key in PROBE_SUBJECTS if key in entry]
    if len(given) != 1:
        what = f"{' and '.join(given)} are {len(given)} probes" if given else "this probe does not say what to probe"
        mend = "Make each an item of its own" if given else f"Give it one of {', '.join(PROBE_SUBJECTS)}"
        context.add_problem(document.find_position(*loc), what, mend)
        return None
    kind = given[0]
    if kind in QBITTORRENT_SUBJECTS and "timeout" in entry:
        at, what = (
            document.find_key_position(*loc, "timeout"),
            f"{kind} is asked from qBittorrent itself, and has no timeout",
        )
        context.add_problem(at, what, "Remove it: that of the instance holds")
    return Probe(
        _build_subject(kind, entry, document, (*loc, kind), context),
        entry.get("timeout", 5.0),
        entry.get("failure_threshold", 1),
        entry.get("success_threshold", 1),
    )


def _build_subject(kind: str, entry: ProbeEntry, document: YamlDocument, loc: Loc, context: LoadContext) -> ProbeCheck:
    value: Any = entry[kind]  # type: ignore[literal-required]
    match kind:
        case "tcp":
            return TcpCheck(*value)
        case "ping":
            return PingCheck(value)
        case "http":
            return HttpCheck(value["url"], value.get("status", (200,)), value.get("json", ()))
        case "interface":
            return InterfaceCheck(value)
        case "connection_status":
            return ConnectionStatusCheck(value)
        case "external_ip":
            return ExternalIpCheck(_build_addresses(value))
    return _build_gluetun(value, document, loc, context)


def _build_gluetun(entry: GluetunEntry, document: YamlDocument, loc: Loc, context: LoadContext) -> GluetunCheck:
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.add_problem(
            document.find_position(*loc), "gluetun has an api_key and a username or password", "Keep one way"
        )
    elif (username is None) != (password is None):
        context.add_problem(
            document.find_position(*loc), "gluetun needs a username and a password, or neither", "Give both"
        )
    return GluetunCheck(
        entry["url"],
        _build_addresses(entry),
        secrets.resolve_secret(document, (*loc, "api_key"), api_key, context),
        username,
        secrets.resolve_secret(document, (*loc, "password"), password, context),
    )


def _build_addresses(entry: AddressesEntry) -> AddressRule:
    return AddressRule(entry.get("must_be", ()), entry.get("must_not_be", ()))
