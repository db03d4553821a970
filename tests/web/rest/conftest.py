"""REST on a free port of loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.web import StatusBoard
from reconciler.web.auth import TokenReader
from tests.support.rest_site import MakeRestSite, RestSite
from tests.support.status_site import TOKEN


@pytest.fixture
def make_rest(board: StatusBoard) -> Iterator[MakeRestSite]:
    """Serves REST; all servers are gone at the end."""
    sites: list[RestSite] = []

    def make(token: TokenReader | None = lambda: TOKEN) -> RestSite:
        sites.append(RestSite(board, token))
        return sites[-1]

    yield make
    for site in sites:
        site.server.stop()


@pytest.fixture
def rest(make_rest: MakeRestSite) -> RestSite:
    """REST with a token."""
    return make_rest()
