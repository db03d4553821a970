"""The OpenAPI document and the server agree: schemathesis sends what the document allows, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.web.rest.events import MEDIA_TYPE
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS
from tests.support.rest_site import BEARER, MakeRestSite, RestSite


@pytest.mark.hypothesis
def test_replies_are_as_described(make_rest: MakeRestSite) -> None:
    """One test for all operations, which imports schemathesis itself: that takes a second of each process."""
    import schemathesis
    from schemathesis.generation import GenerationMode

    document = schemathesis.openapi.from_dict(build_openapi(build_json_schema()))
    for operation in OPERATIONS:
        if any(success.kind == MEDIA_TYPE for success in operation.successes.values()):
            continue  # it never ends
        described = document[operation.path][operation.method]
        check_operation(make_rest(), described, GenerationMode.POSITIVE)
        if operation.query or operation.body or "{" in operation.path:  # there is something that can be wrong
            check_operation(make_rest(), described, GenerationMode.NEGATIVE)


def check_operation(rest: RestSite, described: Any, mode: Any) -> None:
    """Send what is drawn for an operation. Raises an assertion that names the operation."""
    from schemathesis.checks import not_a_server_error
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
    @given(case=described.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if mode.is_positive and case.path_parameters:
            case.path_parameters["infohash"] = infohash
        if case.query:
            case.query.pop("wait", None)
        case.call_and_validate(base_url=rest.server.url, headers=BEARER, checks=all_checks)

    check()
