"""The OpenAPI document has what the tables and models have, and is complete in itself."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema_rs import Draft202012Validator

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.web.rest.listing import ListQuery
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS

DOCUMENT = build_openapi(build_json_schema())


def test_every_operation_is_described_once() -> None:
    described = {
        (method.upper(), path): operation
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert described.keys() == {(operation.method, operation.path) for operation in OPERATIONS}
    for operation in OPERATIONS:
        described_operation = described[operation.method, operation.path]
        assert ("security" in described_operation) is operation.needs_token
        assert ("requestBody" in described_operation) is (operation.body is not None)
        assert {"400", "429"} < described_operation["responses"].keys()


def test_parameters_are_those_of_the_model() -> None:
    parameters = DOCUMENT["paths"]["/api/v1/torrents"]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == list(ListQuery.model_fields)
    assert all(parameter["schema"].get("type") for parameter in parameters)


def test_every_reference_leads_somewhere_and_no_schema_is_unused() -> None:
    text = json.dumps(DOCUMENT)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == DOCUMENT["components"]["schemas"].keys()
    assert "#/$defs" not in text


def check(schema_name: str, value: Any) -> bool:
    """Return True if a value is as a schema of the document says."""
    schema = {"$ref": f"#/components/schemas/{schema_name}", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(schema).is_valid(value))


def test_bodies_are_entries_of_the_desired_state() -> None:
    magnet = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10"
    assert check("NewEntry", {"magnet": magnet, "category": "films", "labels": {"movie_id": 12}})
    assert check("NewEntry", {"torrent": "https://example.org/a.torrent", "share_limits": {"ratio": 2}})
    for wrong in ({}, {"torrent": "/etc/passwd"}, {"magnet": magnet, "state": "absent"}, {"magnet": magnet, "x": 1}):
        assert not check("NewEntry", wrong)
    assert check("EntryChanges", {"category": None, "tags": ["a"]})
    assert not check("EntryChanges", {"magnet": magnet})
