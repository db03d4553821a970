"""The pages of docs/reference that are made from the code. Run as a program, this module writes their files."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer
from prometheus_client.parser import text_string_to_metric_families
from typer.core import TyperArgument, TyperGroup, TyperOption

from reconciler.cli.main import build_program
from reconciler.desired.json_schema.build import build_json_schema
from reconciler.desired.problem_pages import read_problem_pages_text
from reconciler.model import versions
from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.groups import DrainProgress
from reconciler.model.health import HealthState
from reconciler.model.versions import Capability
from reconciler.report.history import write_history
from reconciler.report.json.comparison import write_comparison
from reconciler.report.json.doctor import write_doctor
from reconciler.report.json.explanation import write_explanation
from reconciler.report.json.run import write_validation
from reconciler.report.json.status import write_status
from reconciler.saved.plan_file import write_plan
from reconciler.saved.snapshot_writer import write_snapshot
from reconciler.web import StatusBoard
from reconciler.web.api import render_status_json
from reconciler.web.metrics import Metrics
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.sync_states import SyncState
from tests.support import golden_reports
from tests.support.example_comparisons import COMPARISON
from tests.support.example_runs import CASES, planned
from tests.support.fake_time import FakeTime
from tests.support.json_examples import EXPLANATIONS, LIVE_STATES, PAST_RUN
from tests.support.status_rows import MIXED_TORRENTS
from tests.support.status_site import BACKOFF, INTERVAL, NOON, PROBLEM, make_finished_run

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"
_DRAINS: Final = (DrainProgress("attic", "library", 3, 2, (("it is full", 1),)), DrainProgress("home", "library", None))
_NOTE: Final = "This page is made from the code by `python -m tests.support.reference_pages`.\n"
_CHAPTERS: Final = {  # of the definitions in the schema, in the order of the page
    "GuardEntry": "guard",
    "InstanceEntry": "instances",
    "SecretReference": "a secret",
    "BasicAuthEntry": "basic_auth",
    "TlsEntry": "tls",
    "TimeoutEntry": "timeout",
    "ProbeEntry": "health",
    "HttpEntry": "http",
    "GluetunEntry": "gluetun",
    "AddressesEntry": "external_ip",
    "GroupEntry": "groups",
    "MemberEntry": "members",
    "CategoryEntry": "categories",
    "ManagedKeys": "defaults",
    "TorrentEntry": "torrents",
    "ContentEntry": "content",
    "ShareLimitsEntry": "share_limits",
    "FileRuleEntry": "files",
    "ExactTagsEntry": "tags",
    "ExactTrackersEntry": "trackers",
    "IntakeEntry": "intake",
    "GatewayEntry": "gateway",
    "ServicesEntry": "services",
    "DownloaderEntry": "downloader",
    "RegisterEntry": "register",
    "CreatorEntry": "creator",
}
_CAPABILITIES_INTRODUCTION: Final = """# Version table

Each row depends on the version of qBittorrent. It names the release and the Web API version that brought it, and the
version of libtorrent that it needs. [qBittorrent builds](../builds.md) says what this means for a desired state.

The source is the changelog of the Web API (which begins with 2.11.6), the code of qBittorrent at the tag of that
release and of the one before, or servers on which it was tried.
"""
_ERRORS_INTRODUCTION: Final = """# Errors and warnings

Each problem of a desired state has a code, which is the same in every version. Codes that begin with `E` are errors:
nothing happens until they are corrected. Codes that begin with `W` are warnings. `reconcile explain-error E030` shows
one of these sections in the terminal, and `reconcile explain-error` lists all codes.

The line of the file is shown with the place underlined. Passwords, keys and passkeys in it are `***`, and so is the
value of every key that `reconcile` does not know: it may be a password below a misspelt key.

```
desired.yaml:9:5: error[E030]: unknown key "catgory". Did you mean "category"?
    9 |     catgory: ***
      |     ^^^^^^^
```

A missing secret ([E064](#e064-a-secret-is-missing-on-this-machine)) is an error of a run and a warning of
`reconcile validate`.
"""
_BY_NAME: Final = frozenset({"limits", "members", "preferences"})  # objects whose keys are names
_REST_DOCUMENTS: Final = (
    "TorrentDocument",
    "TorrentList",
    "TorrentResult",
    "ChangeResult",
    "ErrorDocument",
    "ProblemDocument",
)
_TYPE_NAMES: Final = {bool: "true or false", int: "number", float: "number", str: "text", type(None): "null"}


def make_options_page() -> str:
    """Return the options of every command with their variables, as the help shows them."""
    group = build_program()
    assert isinstance(group, TyperGroup)
    context = typer.Context(group, info_name="reconcile")
    chapters = [_describe_command("reconcile", group)]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command and not command.hidden:
            arguments = [str(param.metavar) for param in command.params if isinstance(param, TyperArgument)]
            chapters.append(_describe_command(" ".join(["reconcile", name, *arguments]), command))
    introduction = "The texts of `reconcile --help`. [The command line](../cli.md) explains them.\n"
    return "\n".join(["# Options and variables\n", introduction, *chapters, _NOTE])


def _describe_command(usage: str, command: Any) -> str:
    """Return the chapter of a command: the first paragraph of its help, and its options."""
    summary = " ".join((command.help or "").split("\n\n", 1)[0].split())
    rows = []
    for param in command.params:
        if isinstance(param, TyperOption) and not param.hidden:
            flags = ", ".join(f"`{flag}`" for flag in sorted(param.opts, key=len, reverse=True))
            value = "" if param.is_flag else f" `{param.metavar}`"
            variable = f"`{param.envvar}`" if isinstance(param.envvar, str) else ""
            rows.append((flags + value, variable, param.help or ""))
    if not any(variable for _, variable, _ in rows):
        table = _make_table(("option", "meaning"), [(option, meaning) for option, _, meaning in rows])
    else:
        table = _make_table(("option", "variable", "meaning"), rows)
    return f"## `{usage}`\n\n{summary}\n" + (f"\n{table}" if rows else "")


def make_metrics_page() -> str:
    """Return the metrics of a watch with their types and labels."""
    board = _make_board()
    rows: dict[str, tuple[str, str]] = {}
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for case in {case for case, form in golden_reports.EXPECTED if form == "json"}:  # none has every metric
        board.on_run_end(make_finished_run(CASES[case]()))
        for family in text_string_to_metric_families(Metrics(board.get_view).render_exposition("")[0].decode()):
            name = family.name + {"counter": "_total"}.get(family.type, "")
            rows[name] = (family.type, family.documentation)
            labels[name] |= {label for sample in family.samples for label in sample.labels} - {"le"}
    table = _make_table(
        ("metric", "type", "labels", "meaning"),
        [
            (f"`{name}`", kind, ", ".join(f"`{label}`" for label in sorted(labels[name])), text)
            for name, (kind, text) in sorted(rows.items())
            if name.startswith("reconcile_")
        ],
    )
    introduction = "What `GET /metrics` of a watch returns. [The HTTP side](../http.md#metrics) explains them.\n"
    return "\n".join(["# Metrics\n", introduction, table, _NOTE])


def _make_board() -> StatusBoard:
    """Return a board that has seen a run with problems."""
    board = StatusBoard(INTERVAL, clock=FakeTime(start=NOON).clock)
    board.on_run_end(make_finished_run(planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}))
    return board


def make_json_page() -> str:
    """Return the keys of the JSON reports with the types of their values."""
    runs = [golden_reports.render_case(case, form) for case, form in golden_reports.EXPECTED if form == "json"]
    loop = render_status_json(_make_board().get_view()).decode()
    saved_plan = json.loads(_write(write_plan, planned(), NOON)) | {"report": {}}
    finding = Finding("tls", CheckStatus.OK, "fine")
    doctor = DoctorReport((InstanceDiagnosis("box", "http://box", HealthState.OK, (finding,)),))
    chapters = [
        ("A run", "`reconcile --output json`, `--report FILE` and `GET /api/v1/plan`", runs),
        ("Status", "`reconcile status`", [_write(write_status, replace(MIXED_TORRENTS, drains=_DRAINS))]),
        ("Status of a watch", "`GET /api/v1/status` and `reconcile status --url`", [loop]),
        ("A comparison", "`reconcile diff`", [_write(write_comparison, COMPARISON, 0)]),
        ("An explanation", "`reconcile explain`", [_write(write_explanation, explained) for explained in EXPLANATIONS]),
        ("Doctor", "`reconcile doctor`", [_write(write_doctor, doctor)]),
        ("History", "`reconcile history`", [_write(write_history, [PAST_RUN])]),
        ("Validation", "`reconcile validate`", [_write(write_validation, 1, 1, 0, [PROBLEM])]),
        (
            "A saved plan",
            "`reconcile --dry-run --out FILE`. Its `report` is the report of [a run](#a-run)",
            [json.dumps(saved_plan)],
        ),
        (
            "A snapshot",
            "`reconcile snapshot` and `GET /api/v1/snapshot`. `NAME` is the name of a member, a preference or a limit",
            [_write(partial(write_snapshot, hash_names=False), state) for state in LIVE_STATES],
        ),
    ]
    introduction = (
        "`[]` stands for each item of a list. A key with *sometimes* is left out if it has nothing to say. "
        "[The report](../report.md#json) explains the keys.\n"
    )
    texts = [_describe_documents(*chapter) for chapter in chapters]
    return "\n".join(["# JSON keys\n", introduction, *texts, _NOTE])


def _write(write: Callable[..., None], *values: Any) -> str:
    """Return what a function writes about values to a stream."""
    stream = io.StringIO()
    write(*values, stream)
    return stream.getvalue()


def _describe_documents(title: str, source: str, texts: Sequence[str]) -> str:
    """Return the chapter of documents of one kind: the path, the presence and the types of each key."""
    types: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for text in texts:
        _collect_keys(json.loads(text), "", types, counts)
    rows = []
    for path, names in types.items():
        parent = path.rpartition(".")[0]
        presence = "" if counts[path] == counts[f"{parent} object"] else "*sometimes*"
        if any(name.startswith("list of") for name in names):
            names.discard("list")  # it was empty there
        rows.append((f"`{path}`", " or ".join(sorted(names, key=lambda name: (name == "null", name))), presence))
    return f"## {title}\n\n{source}.\n\n" + _make_table(("key", "value", ""), rows)


def _collect_keys(value: Any, path: str, types: dict[str, set[str]], counts: Counter[str]) -> None:
    """Note the types of every value below a path, and count how often each key and its object occur."""
    if isinstance(value, list):
        for item in value:
            _collect_keys(item, f"{path}[]", types, counts)
    elif isinstance(value, dict):
        counts[f"{path} object"] += 1
        is_by_name = path.rpartition(".")[2] in _BY_NAME
        for key, inner in value.items():
            inner_path = f"{path}.{'NAME' if is_by_name else key}" if path else key
            types.setdefault(inner_path, set()).add(_describe_type(inner))
            counts[inner_path] += 1
            _collect_keys(inner, inner_path, types, counts)


def _describe_type(value: Any) -> str:
    if isinstance(value, list):
        names = sorted({_describe_type(item) for item in value})
        return f"list of {' or '.join(names)}" if names else "list"
    return "object" if isinstance(value, dict) else _TYPE_NAMES[type(value)]


def make_keys_page() -> str:
    """Return every key of the YAML, from its JSON Schema."""
    schema = build_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    assert set(definitions) == set(_CHAPTERS), set(definitions) ^ set(_CHAPTERS)
    chapters = [_describe_definition("Top level", schema)]
    chapters += [_describe_definition(title, definitions[name]) for name, title in _CHAPTERS.items()]
    introduction = (
        "Every key of a desired state, from the JSON Schema that `reconcile schema` prints. "
        "[The desired state](../desired-state.md) explains them.\n"
    )
    return "\n".join(["# Keys of the YAML\n", introduction, *chapters, _NOTE])


def make_preferences_page() -> str:
    """Return the preferences of qBittorrent that can be declared."""
    keys = build_json_schema()["$defs"]["InstanceEntry"]["properties"]["preferences"]["properties"]
    rows = [
        (f"`{name}`", _describe_value(key), key["description"].partition("app/preferences. ")[2])
        for name, key in sorted(keys.items())
    ]
    introduction = (
        "The settings of qBittorrent that `preferences` of an instance can declare, with the versions that have them. "
        "[Preferences](../desired-state.md#preferences) explains them.\n"
    )
    table = _make_table(("key", "value", "meaning"), rows)
    return "\n".join(["# Preferences of qBittorrent\n", introduction, table, _NOTE])


def _describe_definition(title: str, definition: Any) -> str:
    """Return the chapter of an object: its keys, their values, defaults, meanings and examples."""
    required = set(definition.get("required", ()))
    rows = []
    for name, key in definition["properties"].items():
        default = "required" if name in required else _code(key["default"]) if "default" in key else ""
        example = _code(key["examples"][0]) if "examples" in key else ""
        rows.append((f"`{name}`", _describe_value(key), default, key.get("description", ""), example))
    return f"## {title}\n\n" + _make_table(("key", "value", "default", "meaning", "example"), rows)


def _describe_value(schema: Any) -> str:
    """Return the values that a schema allows, in words."""
    if "$ref" in schema:
        title = _CHAPTERS[schema["$ref"].rpartition("/")[2]]
        return f"[{title}](keys.md#{title.replace(' ', '-')})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_describe_value(choice) for choice in choices))
    if "enum" in schema:
        return " or ".join(map(_code, schema["enum"]))
    if "const" in schema:
        return _code(schema["const"])
    kinds = schema.get("type", "string")
    if isinstance(kinds, list):
        return " or ".join(_describe_type_name(kind) for kind in kinds)
    if kinds == "array":
        return f"list of {_describe_value(schema['items'])}" if "items" in schema else "list"
    if kinds == "object":
        inner = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        values = [value for value in inner if isinstance(value, dict)]
        return f"by name: {_describe_value(values[0])}" if values else "keys and values"
    return _describe_type_name(kinds)


def _describe_type_name(name: str) -> str:
    return {"boolean": "true or false", "integer": "whole number", "string": "text", "null": "`null`"}.get(name, name)


def _code(value: Any) -> str:
    """Return a value as YAML would show it in one line, as code."""
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) or not value else f"`{value}`"


def _make_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    cells = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in cells)


def make_rest_page() -> str:
    """Return the operations of REST and the keys of its documents, from its OpenAPI document."""
    document = build_openapi(build_json_schema())
    chapters = [
        _describe_operation(method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]
    schemas = document["components"]["schemas"]
    for name in _REST_DOCUMENTS:
        rows = [
            (f"`{key}`", _describe_document_value(value), value.get("description", ""))
            for key, value in schemas[name]["properties"].items()
        ]
        chapters.append(f"## {name}\n\n{schemas[name]['description']}\n\n" + _make_table(("key", "value", ""), rows))
    introduction = (
        "The operations of `/api/v1`, from the OpenAPI document that `GET /api/v1/openapi.json` returns. "
        "[REST](../rest.md) explains them.\n"
    )
    return "\n".join(["# REST operations\n", introduction, *chapters, _NOTE])


def _describe_operation(method: str, path: str, operation: Any) -> str:
    """Return the chapter of an operation: its parameters and its replies."""
    token = " Needs the token." if "security" in operation else ""
    parameters = [
        (f"`{item['name']}`", _describe_document_value(item["schema"]), item["description"])
        for item in operation.get("parameters", ())
    ]
    replies = [(f"`{status}`", reply["description"]) for status, reply in operation["responses"].items()]
    tables = [_make_table(("parameter", "value", "meaning"), parameters)] if parameters else []
    tables.append(_make_table(("status", "reply"), replies))
    return f"## `{method} {path}`\n\n{operation['summary']}.{token}\n\n" + "\n".join(tables)


def _describe_document_value(schema: Any) -> str:
    """Return the values of a key of a document, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in _REST_DOCUMENTS:
            return f"[{name}](#{name.lower()})"
        return " or ".join(map(_code, SyncState)) if name == "SyncState" else "`file`, `line`, `column`"
    if "items" in schema and "$ref" in schema["items"]:
        return f"list of {_describe_document_value(schema['items'])}"
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_describe_document_value(choice) for choice in choices))
    return _describe_value(schema)


def make_errors_page() -> str:
    """Return the pages of all codes of problems, which `reconcile explain-error` shows one by one."""
    return f"{_ERRORS_INTRODUCTION}\n{read_problem_pages_text()}\n{_NOTE}"


def make_capabilities_page() -> str:
    """Return the table of what depends on the version of qBittorrent."""
    rows = [
        (
            row.label,
            row.release,
            f"`{row.since_text}`",
            ".".join(map(str, row.libtorrent)) or "any",
            row.source,
        )
        for row in vars(versions).values()
        if isinstance(row, Capability) and row.since
    ]
    table = _make_table(("what", "qBittorrent", "Web API", "libtorrent", "source"), rows)
    return f"{_CAPABILITIES_INTRODUCTION}\n{table}\n{_NOTE}"


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "keys.md": make_keys_page,
    "preferences.md": make_preferences_page,
    "options.md": make_options_page,
    "metrics.md": make_metrics_page,
    "json.md": make_json_page,
    "rest.md": make_rest_page,
    "errors.md": make_errors_page,
    "capabilities.md": make_capabilities_page,
}


if __name__ == "__main__":
    for name, make_page in PAGES.items():
        (FOLDER / name).write_text(make_page(), encoding="utf-8")
