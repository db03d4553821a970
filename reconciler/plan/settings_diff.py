"""The settings of two desired states, compared: everything but torrents, categories and preferences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

from reconciler.model.comparison import SettingChange
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.gateway import GatewaySettings, IntakeSettings
from reconciler.model.health import Probe, ProbeCheck
from reconciler.model.links import redact_api_url
from reconciler.model.preferences import SECRET_MASK
from reconciler.model.secret import Secret

_KEYS: Final = {
    "tls_verify": "tls.verify",
    "ca_file": "tls.ca_file",
    "connect_timeout": "timeout.connect",
    "read_timeout": "timeout.read",
    "move_policy": "failback or rebalance",
}
_REFERENCE: Final = re.compile(r"\{(env|file): .*\}\Z", re.DOTALL)
_REFERENCE_IN_URL: Final = re.compile(r"http://unresolved\.invalid/(%7B.*)\Z")
_LEFT_OUT: Final = frozenset({"name", "position", "categories", "preferences"})  # planned, or the key itself
_FINGERPRINT: Final = re.compile(r"\0[0-9a-f]{64}")  # of a value that is shown masked


def diff_settings(old: DesiredState, new: DesiredState) -> tuple[SettingChange, ...]:
    """Return the settings that differ, by their keys. Of secrets, only references are shown."""
    before, after = _collect_settings(old), _collect_settings(new)
    if before == after:
        return ()
    return tuple(sorted(_explain(before, after), key=lambda change: change.path))


def _explain(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[SettingChange]:
    from deepdiff import DeepDiff  # takes 0.15 s to import

    for levels in DeepDiff(before, after, view="tree").values():
        for level in levels:
            path = level.path(output_format="list")
            yield SettingChange(_path_text(path), _value_text(level.t1), _value_text(level.t2))


def _path_text(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _value_text(value: object) -> str | None:
    """Return a value for people; None for what is not there, to deepdiff or to us."""
    if value is None or type(value).__name__ == "NotPresent":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value_text(item)}" for key, item in value.items() if item not in (None, [], {}))
    if isinstance(value, list):
        return ", ".join(str(_value_text(item)) for item in value)
    return _FINGERPRINT.sub("", str(value))


def _collect_settings(desired: DesiredState) -> dict[str, Any]:
    return {
        "owner": desired.owner,
        "policy": str(desired.policy),
        "delete_files": desired.delete_files,
        "quarantine": None if desired.quarantine_days is None else f"{desired.quarantine_days}d",
        "prune_categories": desired.prune_categories,
        "suspend": desired.suspend,
        "accept_plan": desired.accept_plan,
        "guard": _to_plain(desired.guard),
        "instances": {name: _describe_instance(instance) for name, instance in desired.instances.items()},
        "groups": {name: _to_plain(group) for name, group in desired.groups.items()},
        "intake": _describe_intake(desired.intake) if desired.intake else None,
        "gateway": _describe_gateway(desired.gateway) if desired.gateway else None,
    }


def _describe_intake(intake: IntakeSettings) -> dict[str, Any]:
    """Return the settings, with the file as it is written: relative to the file that declares it."""
    folder = intake.position.file.rpartition("/")[0]
    limits = {"max_torrents": intake.max_torrents, "max_delete": intake.max_delete}
    return {"file": intake.file.removeprefix(f"{folder}/"), "instance": intake.instance, **limits}


def _describe_gateway(gateway: GatewaySettings) -> dict[str, Any]:
    services = {key: value for key, value in _to_plain(gateway.services).items() if value}
    if registration := gateway.services.registration:  # its URL may contain a key
        shown = _mask(redact_api_url(registration.url), registration.url)
        services["registration"] = {**_to_plain(registration), "url": shown, "name": registration.name}
    return {**_to_plain(gateway), "trusted": list(map(str, gateway.trusted)), "services": services}


def _describe_instance(instance: Instance) -> dict[str, Any]:
    reference = _REFERENCE_IN_URL.match(instance.url)
    url = unquote(reference[1]) if reference else redact_api_url(instance.url)
    return {**_to_plain(instance), "url": _mask(url, instance.url)}


def _to_plain(value: Any) -> Any:
    """Return a value as mappings, lists, texts, numbers and booleans, for deepdiff."""
    if isinstance(value, Secret):
        return _describe_secret(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Probe):  # the URL that it checks may contain a key
        plain = {field.name: _to_plain(getattr(value, field.name)) for field in fields(value) if field.name != "check"}
        return {"probe": _mask(str(value.check), repr(_reveal_values(value.check))), **plain}
    if is_dataclass(value) and not isinstance(value, type):
        shown = (field.name for field in fields(value) if field.name not in _LEFT_OUT)
        return {_KEYS.get(name, name): _to_plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list) and value and all(hasattr(item, "name") for item in value):
        return {str(item.name): _to_plain(item) for item in value}  # members, by their names
    if isinstance(value, tuple | list | frozenset):
        return [_to_plain(item) for item in value]
    return value


def _reveal_values(check: ProbeCheck) -> list[Any]:
    """Return everything that a check depends on, with its secrets."""
    values = [getattr(check, field.name) for field in fields(check)]
    return [value.reveal() if isinstance(value, Secret) else value for value in values]


def _describe_secret(secret: Secret) -> str:
    """Return a reference as it is written; of a secret in plain text, something that only shows if it is another."""
    text = secret.reveal()
    return text if _REFERENCE.match(text) else _mask(SECRET_MASK, text)


def _mask(shown: str, value: str) -> str:
    """Return a text that differs where the value does, and of which only `shown` is shown."""
    return f"{shown}\0{sha256(value.encode(errors='surrogatepass')).hexdigest()}"
