"""Checked entries -> instances and categories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.desired import secrets
from reconciler.desired.checking import Checked
from reconciler.desired.context import Context
from reconciler.desired.plain import Document
from reconciler.desired.probes import build_probes
from reconciler.desired.schema import CategoryEntry, InstanceEntry
from reconciler.model.desired import DesiredCategory, DesiredPreference, Instance
from reconciler.model.health import Probe, WhenUnhealthy
from reconciler.model.position import Position
from reconciler.model.secret import Secret


def build_instances(checked: list[Checked], context: Context) -> dict[str, Instance]:
    """Every instance by its name, secrets resolved."""
    instances: dict[str, Instance] = {}
    servers: dict[tuple[str, int, str], Position] = {}
    for part in checked:
        for name, entry in part.entry.get("instances", {}).items():
            at = part.document.key_at("instances", name)
            server = _server(entry["url"])
            if server in servers and name not in instances:
                context.problem(
                    part.document.at("instances", name, "url"),
                    f"this is the server of {servers[server]} again: each would delete what the other has",
                    "Keep one of the two",
                )
            servers.setdefault(server, part.document.at("instances", name, "url"))
            instances[name] = _instance(name, at, entry, part.document, context)
    return instances


def build_categories(
    document: Document, loc: tuple[str, ...], entries: Mapping[str, CategoryEntry | None]
) -> dict[str, DesiredCategory]:
    """The categories that stand at `loc`."""
    at = document.keys_at(*loc) if entries else {}
    found = {}
    for name, entry in entries.items():
        paths = entry or {}
        found[name] = DesiredCategory(name, at[name], paths.get("save_path"), paths.get("download_path"))
    return found


def _instance(name: str, at: Position, entry: InstanceEntry, document: Document, context: Context) -> Instance:
    loc = ("instances", name)
    tls = entry.get("tls", {})
    timeout = entry.get("timeout", {})
    password, api_key = _credentials(at, entry, document, loc, context)
    return Instance(
        name=name,
        at=at,
        url=entry["url"],
        username=entry.get("username"),
        password=password,
        api_key=api_key,
        tls_verify=tls.get("verify", True),
        ca_file=_ca_file(tls.get("ca_file"), document, loc, context),
        connect_timeout=timeout.get("connect", 5.0),
        read_timeout=timeout.get("read", 60.0),
        pool_size=entry.get("pool_size", 2),
        categories=build_categories(document, (*loc, "categories"), entry.get("categories", {})),
        preferences=_preferences(entry, document, loc, context),
        suspend=entry.get("suspend", False),
        health=_health(name, entry, document, context),
        when_unhealthy=WhenUnhealthy(entry.get("when_unhealthy", "leave")),
    )


def _health(name: str, entry: InstanceEntry, document: Document, context: Context) -> tuple[Probe, ...]:
    if entry.get("when_unhealthy") == "pause" and not document.data["instances"][name].get("health"):
        at = document.key_at("instances", name, "when_unhealthy")
        context.problem(at, "there is no probe here that could ever stop anything", 'Add one to "health"')
    return build_probes(document, name, entry.get("health", ()), context)


def _preferences(
    entry: InstanceEntry, document: Document, loc: tuple[str, ...], context: Context
) -> dict[str, DesiredPreference]:
    if not (entries := entry.get("preferences")):
        return {}
    from reconciler.desired.preferences import build_preferences  # its table is for those who need it

    has_login = entry.get("username") is not None or entry.get("api_key") is not None
    return build_preferences(document, (*loc, "preferences"), entries, has_login, context)


def _credentials(
    at: Position, entry: InstanceEntry, document: Document, loc: tuple[str, ...], context: Context
) -> tuple[Secret | None, Secret | None]:
    """(password, API key): one way to log in, or none where qBittorrent lets local clients in without."""
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.problem(at, "this instance has an api_key and a username or password", "Keep one way to log in")
    elif username is not None and password is None:
        context.problem(at, "this instance has a username and no password", 'Add "password: {env: NAME}"')
    elif password is not None and username is None:
        context.problem(at, "this instance has a password and no username", 'Add "username: …"')
    if username == "":
        context.problem(document.at(*loc, "username"), "the username is empty", "Fill it in, or remove the key")
    return (
        secrets.resolve(document, (*loc, "password"), password, context),
        secrets.resolve(document, (*loc, "api_key"), api_key, context),
    )


def _ca_file(path: str | None, document: Document, loc: tuple[str, ...], context: Context) -> str | None:
    if path is None:
        return None
    resolved: Path = document.base / path
    at = document.at(*loc, "tls", "ca_file")
    context.files.append(str(resolved))
    try:
        found = bool(path) and resolved.is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        context.missing(at, "there is no such file of certificates", "Check the path; it is relative to this file")
    return str(resolved)


def _server(url: str) -> tuple[str, int, str]:
    """What two spellings of one address have in common."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.hostname or "", port, parts.path.rstrip("/")
