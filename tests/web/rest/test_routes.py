"""The routes of `/api/v1` are those of the table."""

from __future__ import annotations

import pytest

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS, Operation
from tests.support.rest_site import PATH, RestSite


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_has_a_route(rest: RestSite, operation: Operation) -> None:
    path = operation.path.format(infohash="x")
    assert rest.request(path, "OPTIONS").status == 405, "there is such a path"
    method = "HEAD" if operation.method == "GET" else operation.method
    assert rest.request(path, method, headers={"Authorization": ""}).status != 405


def test_other_methods_are_refused(rest: RestSite) -> None:
    for path, method in ((PATH, "PUT"), (f"{PATH}/x", "POST"), ("/api/v1/events", "POST"), ("/api/v1/status", "PATCH")):
        assert rest.request(path, method).status == 405


def test_the_openapi_document_is_served(rest: RestSite) -> None:
    answer = rest.request("/api/v1/openapi.json", headers={"Authorization": ""})
    assert (answer.headers["content-type"], answer.json) == ("application/json", build_openapi(build_json_schema()))
    assert rest.request("/api/v1/openapi.json") == answer
