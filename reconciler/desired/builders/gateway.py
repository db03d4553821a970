"""Builds the settings of the intake and of the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.gateway import GatewayEntry, ServicesEntry
from reconciler.desired.secrets import resolve_secret, resolve_text
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.gateway import GatewaySettings, IntakeSettings, Registration, ServiceSettings, Shows


def build_intake(
    checked_documents: Sequence[CheckedDocument], targets: tuple[str, ...], context: LoadContext
) -> IntakeSettings | None:
    """Build the settings of the intake. `targets`: the declared instances and groups."""
    for checked in checked_documents:
        if entry := checked.entry.get("intake"):
            given: dict[str, Any] = {**entry, "file": str(checked.document.base / entry["file"])}
            given["is_missing"] = context.is_intake_missing
            given["instance"] = _choose_instance(entry.get("instance"), checked.document, targets, context)
            return IntakeSettings(position=checked.document.find_key_position("intake"), **given)
    return None


def _choose_instance(name: str | None, document: YamlDocument, targets: tuple[str, ...], context: LoadContext) -> str:
    """Return the instance or group of what is handed in; the only instance, if none is named."""
    if name is None and len(targets) == 1:
        return targets[0]
    if name is None and targets and context.is_complete:
        context.add_problem(
            document.find_key_position("intake"),
            Code.WHICH_INSTANCE,
            f"the intake has no instance, and there are several: {', '.join(targets)}",
            f'Add "instance: {targets[0]}" to it',
        )
    elif name is not None:
        _check_target(name, "instance or group", targets, document, ("intake", "instance"), context)
    return name or ""


def _check_target(
    name: str, kind: str, targets: tuple[str, ...], document: YamlDocument, loc: Loc, context: LoadContext
) -> None:
    if name not in targets and targets and context.is_complete:
        hint = suggestion_text(name, targets) or f"Known: {', '.join(targets)}"
        message = f"there is no {kind} {quote_word(name)}"
        context.add_problem(document.find_position(*loc), Code.UNKNOWN_INSTANCE, message, hint)


def build_gateway(
    checked_documents: Sequence[CheckedDocument], instance_names: tuple[str, ...], context: LoadContext
) -> GatewaySettings | None:
    """Build the settings of the gateway, which needs an intake."""
    for checked in checked_documents:
        if (entry := checked.entry.get("gateway")) is not None:
            _check_intake(checked_documents, checked.document, context)
            return _build_gateway(entry, checked.document, instance_names, context)
    return None


def _check_intake(checked_documents: Sequence[CheckedDocument], document: YamlDocument, context: LoadContext) -> None:
    """Report a gateway without an intake. Reads the plain data, so that a wrong value in it hides nothing."""
    has_intake = any("intake" in checked.document.data for checked in checked_documents if checked.document.data)
    if not has_intake and context.is_complete:
        context.add_problem(
            document.find_key_position("gateway"),
            Code.NO_INTAKE,
            "the gateway has no intake to write to",
            'Add "intake: {file: /state/intake.yaml}"',
        )


def _build_gateway(
    entry: GatewayEntry, document: YamlDocument, instance_names: tuple[str, ...], context: LoadContext
) -> GatewaySettings:
    position, loc = document.find_key_position("gateway"), ("gateway",)
    if ("username" in entry) != ("password" in entry):
        message, hint = "the gateway needs a username together with its password", "Add the other one"
        context.add_problem(position, Code.GATEWAY_LOGIN, message, hint)
    elif entry.keys().isdisjoint({"username", "api_key", "trusted"}):
        hint = 'Add "username" and "password", "api_key", or "trusted" networks'
        context.add_problem(position, Code.GATEWAY_LOGIN, "nobody can use this gateway: it has no login", hint)
    # Only the machine of the sidecar has the secrets of the gateway, and other runs do not need them.
    here = replace(context, requires_secrets=False)
    return GatewaySettings(
        position,
        resolve_text(document, (*loc, "username"), entry.get("username"), here, receiver=None),
        resolve_secret(document, (*loc, "password"), entry.get("password"), here, receiver=None),
        resolve_secret(document, (*loc, "api_key"), entry.get("api_key"), here, receiver=None),
        Shows(entry.get("shows", Shows.OWNED)),
        entry.get("trusted", ()),
        _build_services(entry.get("services", {}), document, instance_names, context),
    )


def _build_services(
    entry: ServicesEntry, document: YamlDocument, instance_names: tuple[str, ...], context: LoadContext
) -> ServiceSettings:
    register = entry.get("downloader", {}).get("register")
    creator = entry.get("creator", {}).get("instance", "")
    if creator:
        loc = ("gateway", "services", "creator", "instance")
        _check_target(creator, "instance", instance_names, document, loc, context)
    return ServiceSettings(
        downloader="downloader" in entry,
        registration=Registration(**register) if register else None,
        router="router" in entry,
        radarr="radarr" in entry,
        creator=creator,
    )
