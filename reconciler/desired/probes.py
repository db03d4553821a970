"""Checked entries -> probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.desired import secrets
from reconciler.desired.context import Context
from reconciler.desired.plain import Document
from reconciler.desired.probe_schema import FROM_QBITTORRENT, SUBJECTS, AddressesEntry, GluetunEntry, ProbeEntry
from reconciler.model.health import (
    Addresses,
    ConnectionStatus,
    ExternalIp,
    Gluetun,
    Http,
    Interface,
    Ping,
    Probe,
    Subject,
    Tcp,
)
from reconciler.model.position import Position

Loc = tuple[str | int, ...]


def build_probes(
    document: Document, instance: str, entries: Sequence[ProbeEntry], context: Context
) -> tuple[Probe, ...]:
    """The probes of one instance, in order. What the schema has found fault with is not looked at again."""
    raw = document.data["instances"][instance].get("health", ())
    probes: dict[Subject, Probe] = {}
    places: dict[Subject, Position] = {}
    for index, entry in enumerate(entries):
        if not isinstance(raw[index], dict) or raw[index].keys() != entry.keys():
            continue
        loc = ("instances", instance, "health", index)
        probe = _probe(document, loc, entry, context)
        if probe and probe.subject in probes:
            first = places[probe.subject]
            context.problem(document.at(*loc), f"this probe is already given at {first}", "Keep one of the two")
        elif probe:
            probes[probe.subject], places[probe.subject] = probe, document.at(*loc)
    return tuple(probes.values())


def _probe(document: Document, loc: Loc, entry: ProbeEntry, context: Context) -> Probe | None:
    given = [key for key in SUBJECTS if key in entry]
    if len(given) != 1:
        what = f"{' and '.join(given)} are {len(given)} probes" if given else "this probe does not say what to probe"
        mend = "Make each an item of its own" if given else f"Give it one of {', '.join(SUBJECTS)}"
        context.problem(document.at(*loc), what, mend)
        return None
    kind = given[0]
    if kind in FROM_QBITTORRENT and "timeout" in entry:
        at, what = document.key_at(*loc, "timeout"), f"{kind} is asked from qBittorrent itself, and has no timeout"
        context.problem(at, what, "Remove it: that of the instance holds")
    return Probe(
        _subject(kind, entry, document, (*loc, kind), context),
        entry.get("timeout", 5.0),
        entry.get("failure_threshold", 1),
        entry.get("success_threshold", 1),
    )


def _subject(kind: str, entry: ProbeEntry, document: Document, loc: Loc, context: Context) -> Subject:
    value: Any = entry[kind]  # type: ignore[literal-required]
    match kind:
        case "tcp":
            return Tcp(*value)
        case "ping":
            return Ping(value)
        case "http":
            return Http(value["url"], value.get("status", (200,)), value.get("json", ()))
        case "interface":
            return Interface(value)
        case "connection_status":
            return ConnectionStatus(value)
        case "external_ip":
            return ExternalIp(_addresses(value))
    return _gluetun(value, document, loc, context)


def _gluetun(entry: GluetunEntry, document: Document, loc: Loc, context: Context) -> Gluetun:
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.problem(document.at(*loc), "gluetun has an api_key and a username or password", "Keep one way")
    elif (username is None) != (password is None):
        context.problem(document.at(*loc), "gluetun needs a username and a password, or neither", "Give both")
    return Gluetun(
        entry["url"],
        _addresses(entry),
        secrets.resolve(document, (*loc, "api_key"), api_key, context),
        username,
        secrets.resolve(document, (*loc, "password"), password, context),
    )


def _addresses(entry: AddressesEntry) -> Addresses:
    return Addresses(entry.get("must_be", ()), entry.get("must_not_be", ()))
