"""The OpenAPI document and the server agree: schemathesis sends what the document allows, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.web.rest.events import MEDIA_TYPE
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS, Operation
from tests.support.rest_site import BEARER, MakeRestSite, RestSite


def can_be_wrong(operation: Operation) -> bool:
    """Return True if a request of this operation has something that can be against the document."""
    return bool(operation.query or operation.body or "{" in operation.path)


@pytest.mark.hypothesis
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_replies_are_as_described(make_rest: MakeRestSite, mode: str) -> None:
    """One test for all operations, which imports schemathesis itself: that takes a second of each process."""
    import schemathesis

    document = schemathesis.openapi.from_dict(build_openapi(build_json_schema()))
    operations = [
        operation
        for operation in OPERATIONS
        if all(success.kind != MEDIA_TYPE for success in operation.successes.values())  # it never ends
        and (mode == "POSITIVE" or can_be_wrong(operation))
    ]
    assert len(operations) > 3
    for operation in operations:
        check_operation(make_rest(), document[operation.path][operation.method], mode)


def check_operation(rest: RestSite, described: Any, mode: str) -> None:
    """Send what is drawn for an operation. Raises an assertion that names the operation."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi import checks

    rest.run()
    infohash = rest.put_row(1)
    all_checks = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]

    @settings(
        max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=described.as_strategy(generation_mode=GenerationMode[mode]))
    def check(case: Any) -> None:
        if mode == "POSITIVE" and case.path_parameters:
            case.path_parameters["infohash"] = infohash
        if case.query:
            case.query.pop("wait", None)
        case.call_and_validate(base_url=rest.server.url, headers=BEARER, checks=all_checks)

    check()
