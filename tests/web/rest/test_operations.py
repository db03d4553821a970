"""The OpenAPI document and the server agree: schemathesis sends what the document allows, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.web.rest.events import MEDIA_TYPE
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS, Operation
from tests.support.rest_site import BEARER, RestSite

SCHEMA = schemathesis.openapi.from_dict(build_openapi(build_json_schema()))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
CASES = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in GenerationMode
    if all(success.kind != MEDIA_TYPE for success in operation.successes.values())  # it never ends
    and (mode is GenerationMode.POSITIVE or operation.query or operation.body or "{" in operation.path)
]


@pytest.mark.hypothesis
@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda value: getattr(value, "name", value))
def test_replies_are_as_described(rest: RestSite, operation: Operation, mode: GenerationMode) -> None:
    rest.run()
    infohash = rest.put_row(1)
    described = SCHEMA[operation.path][operation.method]

    @settings(
        max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=described.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and case.path_parameters:
            case.path_parameters["infohash"] = infohash
        if case.query:
            case.query.pop("wait", None)
        case.call_and_validate(base_url=rest.server.url, headers=BEARER, checks=CHECKS)

    check()
