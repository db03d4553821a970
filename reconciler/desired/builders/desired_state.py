"""Builds the desired state from all documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.desired.builders.gateway import build_gateway, build_intake
from reconciler.desired.builders.groups import build_groups
from reconciler.desired.builders.instances import build_categories, build_instances
from reconciler.desired.builders.torrents import build_torrents
from reconciler.desired.check import CheckedDocument, check_document
from reconciler.desired.context import BeginReading, LoadContext
from reconciler.desired.merge import UNIQUE_KEYS, find_clashes, list_instance_names
from reconciler.desired.pitfalls import PitfallOffsets, find_pitfall_offsets, find_pitfalls
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.desired import DEFAULT_OWNER, DesiredCategory, DesiredState, GuardLimits, Policy


def build_desired_state(
    documents: list[YamlDocument], context: LoadContext, begin_reading: BeginReading | None = None
) -> DesiredState:
    """Check and merge the documents. The result is valid only if `context` has no problems afterwards.

    `begin_reading` is called before the torrents are built, if there is no problem until then.
    """
    checked_documents = _check_documents(documents, context)
    find_clashes(documents, context)
    instance_names = list_instance_names([checked.document for checked in checked_documents])
    desired = _merge_documents(checked_documents, instance_names, context)
    if begin_reading and not context.problems:
        begin_reading(desired)
    # Torrents come last: URLs are fetched only if everything else is valid.
    torrents, unfetched_count = build_torrents(checked_documents, instance_names, desired.groups, context)
    return replace(
        desired,
        torrents=torrents,
        warnings=tuple(sorted(set(context.warnings))),
        files=tuple(dict.fromkeys(context.files)),
        yaml_files=tuple(context.yaml_files),
        variables=frozenset(context.variables),
        unfetched_count=unfetched_count,
    )


def _check_documents(documents: list[YamlDocument], context: LoadContext) -> list[CheckedDocument]:
    checked_documents: list[CheckedDocument] = []
    offsets_by_file: dict[str, PitfallOffsets] = {}  # a file may have thousands of documents
    for document in documents:
        if document.file not in offsets_by_file:
            offsets_by_file[document.file] = find_pitfall_offsets(document.text)
        earlier = len(context.problems)  # of other documents: to go through them again for each would be quadratic
        find_pitfalls(document, context, offsets_by_file[document.file])
        problems = [*context.problems[earlier:], *document.problems]
        context.is_complete = context.is_complete and isinstance(document.data, dict)
        is_intake = document.file == context.intake_file
        checked_documents.append(check_document(document, problems, is_intake=is_intake))
        context.is_complete = context.is_complete and checked_documents[-1].is_whole
        context.problems[earlier:] = problems
    return checked_documents


def _merge_documents(
    checked_documents: list[CheckedDocument], instance_names: tuple[str, ...], context: LoadContext
) -> DesiredState:
    """Return the desired state without torrents."""
    unique_values: dict[str, Any] = {}
    categories: dict[str, DesiredCategory] = {}
    for checked in checked_documents:
        unique_values |= {key: value for key, value in checked.entry.items() if key in UNIQUE_KEYS}
        if "suspend" in checked.entry:
            unique_values["suspend_position"] = checked.document.find_key_position("suspend")
        declared = build_categories(checked.document, ("categories",), checked.entry.get("categories", {}))
        categories = declared | categories  # the first counts: the intake comes last, and other clashes are errors
    instances = build_instances(checked_documents, context)
    groups = build_groups(checked_documents, instance_names, context)
    targets = (*instance_names, *groups)
    unique_values["intake"] = intake = build_intake(checked_documents, targets, context)
    if intake and intake.instance in targets:
        _set_intake_instance(checked_documents, intake.instance, context)
    unique_values["gateway"] = build_gateway(checked_documents, instance_names, context)
    policy = Policy(unique_values.pop("policy", Policy.CREATE_ONLY))
    guard = GuardLimits(**unique_values.pop("guard", {}))
    if policy is Policy.SYNC and unique_values.get("owner", DEFAULT_OWNER) == DEFAULT_OWNER:
        _warn_of_default_owner(checked_documents, context)
    if "quarantine" in unique_values:
        unique_values["quarantine_days"] = unique_values.pop("quarantine")
    return DesiredState(
        policy=policy,
        instances=instances,
        categories=categories,
        guard=guard,
        groups=groups,
        **unique_values,
    )


def _set_intake_instance(checked_documents: list[CheckedDocument], instance: str, context: LoadContext) -> None:
    """Make the instance of the intake the default of its file."""
    for checked in checked_documents:
        if checked.document.file == context.intake_file:
            checked.entry["defaults"] = {"instance": instance}


def _warn_of_default_owner(checked_documents: list[CheckedDocument], context: LoadContext) -> None:
    document = next(checked.document for checked in checked_documents if "policy" in checked.entry)
    context.add_warning(
        document.find_position("policy"),
        Code.DEFAULT_OWNER,
        f'"policy: sync" with the owner "{DEFAULT_OWNER}": another desired state with this owner, on the same '
        "qBittorrent, would delete your torrents",
        'Add "owner: NAME" with a name of your own. If torrents of yours exist already, run once with --take-over',
    )
