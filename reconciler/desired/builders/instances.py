"""Builds instances and categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from reconciler.desired.builders.exposure import warn_of_exposure
from reconciler.desired.builders.probes import build_probes
from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import InvalidValue, LoadContext
from reconciler.desired.merge import has_only_categories
from reconciler.desired.schema.categories import CategoryEntry
from reconciler.desired.schema.common import STAND_IN_DOMAIN, check_api_url, get_reference_key
from reconciler.desired.schema.instances import InstanceEntry
from reconciler.desired.secret_hosts import check_receiver
from reconciler.desired.secrets import describe_reference, resolve_secret, resolve_text
from reconciler.desired.words import suggestion_text
from reconciler.desired.yaml.document import HEADERS_KEY, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.desired import BasicAuth, DesiredCategory, DesiredPreference, Instance
from reconciler.model.fields.names import DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.health import Probe, UnhealthyPolicy
from reconciler.model.links import HTTP_PORTS
from reconciler.model.paths import normalize_path
from reconciler.model.position import Position
from reconciler.model.secret import Secret

_HEADER_VALUE: Final = r"[!-~]([ -~]*[!-~])?"


def build_instances(checked_documents: list[CheckedDocument], context: LoadContext) -> dict[str, Instance]:
    """Build every instance, by its name, with its secrets."""
    instances: dict[str, Instance] = {}
    position_by_server: dict[tuple[str, int, str], Position] = {}
    complete_names = {
        name
        for checked in checked_documents
        for name, entry in checked.entry.get("instances", {}).items()
        if not has_only_categories(entry)
    }
    for checked in checked_documents:
        for name, entry in checked.entry.get("instances", {}).items():
            if has_only_categories(entry) and name in complete_names:
                continue
            url_position = checked.document.find_position("instances", name, "url")
            url = _resolve_url(name, entry, checked.document, context)
            server = _normalize_server(url)
            if server in position_by_server and name not in instances:
                context.add_problem(
                    url_position,
                    Code.SAME_SERVER,
                    f"this server is already declared at {position_by_server[server]}: "
                    "each of the two instances would delete the torrents of the other",
                    "Keep one of the two",
                )
            position_by_server.setdefault(server, url_position)
            instances[name] = _build_instance(name, url, entry, checked.document, context)
    _warn_of_lone_data(instances, checked_documents, context)
    return _add_categories(instances, checked_documents)


def _warn_of_lone_data(
    instances: Mapping[str, Instance], checked_documents: Sequence[CheckedDocument], context: LoadContext
) -> None:
    """Warn of data that a single instance has. A name with a typing error would protect nothing."""
    counts = Counter(instance.data for instance in instances.values())
    others = sorted(data for data in counts if data)
    for checked in checked_documents:
        for name, entry in checked.entry.get("instances", {}).items():
            data = entry.get("data")
            if data is None or counts[data] > 1:
                continue
            hint = suggestion_text(data, tuple(other for other in others if other != data))
            context.add_warning(
                checked.document.find_position("instances", name, "data"),
                Code.LONE_DATA,
                f'no other instance has "data: {data}", so nothing is shared',
                hint or "Give the instances that see the same files the same name, or remove the key",
            )


def _add_categories(
    instances: Mapping[str, Instance], checked_documents: Sequence[CheckedDocument]
) -> dict[str, Instance]:
    """Return the instances with the categories that other documents than their own declare for them."""
    complete = dict(instances)
    for checked in checked_documents:
        for name, entry in checked.entry.get("instances", {}).items():
            if has_only_categories(entry):
                loc = ("instances", name, "categories")
                categories = build_categories(checked.document, loc, entry["categories"])
                complete[name] = replace(complete[name], categories={**complete[name].categories, **categories})
    return complete


def build_categories(
    document: YamlDocument, loc: tuple[str, ...], entries: Mapping[str, CategoryEntry | None]
) -> dict[str, DesiredCategory]:
    """Build the categories of the section at `loc`, by their names."""
    positions = document.find_key_positions(*loc) if entries else {}
    categories = {}
    for name, entry in entries.items():
        paths = entry or {}
        categories[name] = DesiredCategory(name, positions[name], paths.get(SAVE_PATH), paths.get(DOWNLOAD_PATH))
    return categories


def _build_instance(
    name: str, url: str, entry: InstanceEntry, document: YamlDocument, context: LoadContext
) -> Instance:
    loc = ("instances", name)
    position = document.find_key_position(*loc)
    tls, timeout = entry.get("tls", {}), entry.get("timeout", {})
    username, password, api_key = _resolve_credentials(position, url, entry, document, loc, context)
    warn_of_exposure(url, entry, document, loc, context)
    optional_values = {
        "tls_verify": tls.get("verify"),
        "connect_timeout": timeout.get("connect"),
        "read_timeout": timeout.get("read"),
        "pool_size": entry.get("pool_size"),
        "suspend": entry.get("suspend"),
        "data": entry.get("data"),
    }
    given_values: dict[str, Any] = {key: value for key, value in optional_values.items() if value is not None}
    if "path_map" in entry:
        given_values["path_map"] = _build_path_map(entry["path_map"], document, loc, context)
    if "suspend" in entry:
        given_values["suspend_position"] = document.find_key_position(*loc, "suspend")
    if "when_unhealthy" in entry:
        given_values["when_unhealthy"] = UnhealthyPolicy(entry["when_unhealthy"])
    return Instance(
        name=name,
        position=position,
        url=url,
        username=username,
        password=password,
        api_key=api_key,
        basic_auth=_build_basic_auth(url, entry, document, loc, context),
        headers=_build_headers(url, entry, document, loc, context),
        ca_file=_resolve_ca_file(tls.get("ca_file"), document, loc, context),
        categories=build_categories(document, (*loc, "categories"), entry.get("categories", {})),
        preferences=_build_instance_preferences(url, entry, document, loc, context),
        health=_build_health(name, entry, document, context),
        **given_values,
    )


def _build_path_map(
    entries: Mapping[str, str], document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> dict[str, str]:
    """Build the map of paths, in both directions of which a path has one meaning."""
    path_map: dict[str, str] = {}
    for path, seen_path in entries.items():
        for known, other, kind in ((path_map.keys(), path, "path"), (path_map.values(), seen_path, "path of clients")):
            if normalize_path(other) in known:
                position = document.find_key_position(*loc, "path_map", path)
                context.add_problem(position, Code.PATH_MAP, f"this {kind} is mapped twice", "Keep one of the two")
        path_map[normalize_path(path)] = normalize_path(seen_path)
    return path_map


def _build_health(name: str, entry: InstanceEntry, document: YamlDocument, context: LoadContext) -> tuple[Probe, ...]:
    if entry.get("when_unhealthy") == "pause" and not document.data["instances"][name].get("health"):
        position = document.find_key_position("instances", name, "when_unhealthy")
        context.add_problem(
            position,
            Code.USELESS_HEALTH_KEY,
            '"when_unhealthy: pause" has no effect without a probe',
            'Add one to "health"',
        )
    return build_probes(document, name, entry.get("health", ()), context)


def _build_instance_preferences(
    url: str, entry: InstanceEntry, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> dict[str, DesiredPreference]:
    if not (entries := entry.get("preferences")):
        return {}
    from reconciler.desired.builders.preferences import build_preferences  # reads a table that few runs need

    has_login = entry.get("username") is not None or entry.get("api_key") is not None
    return build_preferences(document, (*loc, "preferences"), entries, context, receiver=url, has_login=has_login)


def _resolve_credentials(
    position: Position,
    url: str,
    entry: InstanceEntry,
    document: YamlDocument,
    loc: tuple[str, ...],
    context: LoadContext,
) -> tuple[str | None, Secret | None, Secret | None]:
    """Return (user name, password, API key): one way to log in, or none where qBittorrent admits local clients."""
    username, password, api_key = entry.get("username"), entry.get("password"), entry.get("api_key")
    if api_key is not None and (username is not None or password is not None):
        context.add_problem(
            position, Code.LOGIN, "this instance has an api_key and a username or password", "Keep one way to log in"
        )
    elif username is not None and password is None:
        context.add_problem(
            position, Code.LOGIN, "this instance has a username and no password", 'Add "password: {env: NAME}"'
        )
    elif password is not None and username is None:
        context.add_problem(position, Code.LOGIN, "this instance has a password and no username", 'Add "username: …"')
    if api_key is not None and "basic_auth" in entry:
        context.add_problem(
            document.find_key_position(*loc, "basic_auth"),
            Code.LOGIN,
            "the api_key and basic_auth would need the same header, Authorization",
            "Use username and password",
        )
    if username == "":
        context.add_problem(
            document.find_position(*loc, "username"),
            Code.LOGIN,
            "the username is empty",
            "Fill it in, or remove the key",
        )
    return (
        resolve_text(document, (*loc, "username"), username or None, context, receiver=url),
        resolve_secret(document, (*loc, "password"), password, context, receiver=url),
        resolve_secret(document, (*loc, "api_key"), api_key, context, receiver=url),
    )


def _build_basic_auth(
    url: str, entry: InstanceEntry, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> BasicAuth | None:
    if "basic_auth" not in entry:
        return None
    username_loc, password_loc = (*loc, "basic_auth", "username"), (*loc, "basic_auth", "password")
    username = resolve_text(document, username_loc, entry["basic_auth"]["username"], context, receiver=url)
    password = resolve_secret(document, password_loc, entry["basic_auth"]["password"], context, receiver=url)
    if username and ":" in username and not context.keeps_references:
        problem = "the username of basic_auth contains a colon, which HTTP does not allow"
        context.add_problem(document.find_position(*username_loc), Code.HEADER, problem, "Choose another one")
    return BasicAuth(username, password) if username and password else None


def _build_headers(
    url: str, entry: InstanceEntry, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> dict[str, Secret]:
    headers: dict[str, Secret] = {}
    for name, source in entry.get(HEADERS_KEY, {}).items():
        header_loc = (*loc, HEADERS_KEY, name)
        position = document.find_key_position(*header_loc)
        if name.lower() in map(str.lower, headers):
            context.add_problem(
                position, Code.HEADER, "this header is already there: upper and lower case are equal", "Keep one"
            )
        if name.lower() == "authorization" and ("basic_auth" in entry or entry.get("api_key") is not None):
            problem = "the header Authorization is already used by the api_key or basic_auth"
            context.add_problem(position, Code.HEADER, problem, "Keep one of the two")
        value = resolve_secret(document, header_loc, source, context, receiver=url)
        if value is None:
            continue
        if not context.keeps_references and not re.fullmatch(_HEADER_VALUE, value.reveal()):
            problem = "this value cannot be sent in a header"
            context.add_problem(position, Code.HEADER, problem, "Use ASCII characters, and no spaces around them")
        headers[name] = value
    return headers


def _resolve_url(name: str, entry: InstanceEntry, document: YamlDocument, context: LoadContext) -> str:
    """Return the URL of an instance; a stand-in, with a problem, where a variable or file does not contain one."""
    stand_in = f"http://unresolved{STAND_IN_DOMAIN}/{name}"
    source = entry.get("url")
    if source is None:
        hint = 'Add "url: http://127.0.0.1:8080"'
        if has_only_categories(entry):
            hint += ", or load the file that declares the instance as well"
        context.add_problem(document.find_position("instances", name), Code.NO_URL, "this instance has no url", hint)
        return stand_in
    if isinstance(source, str):
        return source
    loc = ("instances", name, "url")
    if context.keeps_references:
        return f"http://unresolved{STAND_IN_DOMAIN}/{quote(describe_reference(source))}"
    text = resolve_text(document, loc, source, context, receiver=None)
    if text is not None:
        try:
            if check_receiver(document, loc, source, url := check_api_url(text), context):
                return url
        except InvalidValue as invalid:
            position = document.find_position(*loc, get_reference_key(source))
            context.add_problem(position, invalid.code, invalid.message, invalid.hint)
    return stand_in


def _resolve_ca_file(
    path: str | None, document: YamlDocument, loc: tuple[str, ...], context: LoadContext
) -> str | None:
    if path is None:
        return None
    resolved_path: Path = document.base / path
    context.add_file(str(resolved_path))
    try:
        is_file = bool(path) and resolved_path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        position = document.find_position(*loc, "tls", "ca_file")
        context.add_missing(
            position, Code.CA_FILE, "there is no such CA file", "Check the path; it is relative to this file"
        )
    return str(resolved_path)


def _normalize_server(url: str) -> tuple[str, int, str]:
    """Return the host, port and path of a URL, which are equal for two spellings of one address."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or HTTP_PORTS[parts.scheme], parts.path.rstrip("/")
