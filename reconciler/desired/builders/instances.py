"""Checked entries -> instances and categories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.desired import secrets
from reconciler.desired.builders.probes import build_probes
from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.document import CategoryEntry, InstanceEntry
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.desired import DesiredCategory, DesiredPreference, Instance
from reconciler.model.fields import DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.health import Probe, UnhealthyPolicy
from reconciler.model.position import Position
from reconciler.model.secret import Secret


def build_instances(checked_documents: list[CheckedDocument], context: LoadContext) -> dict[str, Instance]:
    """Every instance by its name, secrets resolved."""
    instances: dict[str, Instance] = {}
    servers: dict[tuple[str, int, str], Position] = {}
    for part in checked_documents:
        for name, entry in part.entry.get("instances", {}).items():
            at = part.document.find_key_position("instances", name)
            server = _normalize_server(entry["url"])
            if server in servers and name not in instances:
                context.add_problem(
                    part.document.find_position("instances", name, "url"),
                    f"this is the server of {servers[server]} again: each would delete what the other has",
                    "Keep one of the two",
                )
            servers.setdefault(server, part.document.find_position("instances", name, "url"))
            instances[name] = _build_instance(name, at, entry, part.document, context)
    return instances


def build_categories(
    document: YamlDocument, loc: tuple[str, ...], entries: Mapping[str, CategoryEntry | None]
) -> dict[str, DesiredCategory]:
    """The categories that stand at `loc`."""
    at = document.find_key_positions(*loc) if entries else {}
    found = {}
    for name, entry in entries.items():
        paths = entry or {}
        found[name] = DesiredCategory(name, at[name], paths.get(SAVE_PATH), paths.get(DOWNLOAD_PATH))
    return found


def _build_instance(
    name: str, position: Position, entry: InstanceEntry, document: YamlDocument, context: LoadContext
) -> Instance:
    loc = ("instances", name)
    tls = entry.get("tls", {})
    timeout = entry.get("timeout", {})
    password, api_key = _resolve_credentials(position, entry, document, loc, context)
    return Instance(
        name=name,
        position=position,
        url=entry["url"],
        username=entry.get("username"),
        password=password,
        api_key=api_key,
        tls_verify=tls.get("verify", True),
        ca_file=_resolve_ca_file(tls.get("ca_file"), document, loc, context),
        connect_timeout=timeout.get("connect", 5.0),
        read_timeout=timeout.get("read", 60.0),
        pool_size=entry.get("pool_size", 2),
        categories=build_categories(document, (*loc, "categories"), entry.get("categories", {})),
        preferences=_build_instance_preferences(entry, document, loc, context),
        suspend=entry.get("suspend", False),
        health=_build_health(name, entry, document, context),
        when_unhealthy=UnhealthyPolicy(entry.get("when_unhealthy", "leave")),
    )


def _build_health(name: str, entry: InstanceEntry, document: YamlDocument, context: LoadContext) -> tuple[Probe, ...]:
    if entry.get("when_unhealthy") == "pause" and not document.data["instances"][name].get("health"):
        at = document.find_key_position("instances", name, "when_unhealthy")
        context.add_problem(at, "there is no probe here that could ever stop anything", 'Add one to "health"')
    return build_probes(document, name, entry.get("health", ()), context)


def _build_instance_preferences(
    entry: InstanceEntry, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> dict[str, DesiredPreference]:
    if not (entries := entry.get("preferences")):
        return {}
    from reconciler.desired.builders.preferences import build_preferences  # its table is for those who need it

    has_login = entry.get("username") is not None or entry.get("api_key") is not None
    return build_preferences(document, (*loc, "preferences"), entries, has_login, context)


def _resolve_credentials(
    position: Position, entry: InstanceEntry, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> tuple[Secret | None, Secret | None]:
    """(password, API key): one way to log in, or none where qBittorrent lets local clients in without."""
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.add_problem(
            position, "this instance has an api_key and a username or password", "Keep one way to log in"
        )
    elif username is not None and password is None:
        context.add_problem(position, "this instance has a username and no password", 'Add "password: {env: NAME}"')
    elif password is not None and username is None:
        context.add_problem(position, "this instance has a password and no username", 'Add "username: …"')
    if username == "":
        context.add_problem(
            document.find_position(*loc, "username"), "the username is empty", "Fill it in, or remove the key"
        )
    return (
        secrets.resolve_secret(document, (*loc, "password"), password, context),
        secrets.resolve_secret(document, (*loc, "api_key"), api_key, context),
    )


def _resolve_ca_file(
    path: str | None, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> str | None:
    if path is None:
        return None
    resolved: Path = document.base / path
    at = document.find_position(*loc, "tls", "ca_file")
    context.files.append(str(resolved))
    try:
        found = bool(path) and resolved.is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        context.add_missing(at, "there is no such file of certificates", "Check the path; it is relative to this file")
    return str(resolved)


def _normalize_server(url: str) -> tuple[str, int, str]:
    """What two spellings of one address have in common."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.hostname or "", port, parts.path.rstrip("/")
