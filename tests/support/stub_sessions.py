"""Sessions on a stub of an instance, with a record of the requests that they send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.qbittorrent import Session
from tests.support.instances import (
    QBITTORRENT_ANSWERS,
    StubAnswer,
    StubRequest,
    make_instance,
    serve_stub,
    text_answer,
)


@contextmanager
def open_stub_session(web_api: str, answers: dict[str, StubAnswer]) -> Iterator[tuple[Session, list[StubRequest]]]:
    """Open a session on a stub of this Web API version. Yields it with the requests that it sends from then on."""
    requests: list[StubRequest] = []
    all_answers = {**QBITTORRENT_ANSWERS, "app/webapiVersion": text_answer(web_api), **answers}
    with serve_stub(all_answers, requests) as url, Session(make_instance(url)) as session:
        requests.clear()
        yield session, requests
