"""The pages with everything that their actions need, in memory, and a browser that is signed in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run
from reconciler.web import LoopControls, StatusBoard, WebContext
from reconciler.web.app import make_app
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.fake_time import FakeTime
from tests.support.html_pages import HtmlPage
from tests.support.rest_site import DESIRED, FixedRows, MemoryIntake
from tests.support.status_site import INTERVAL, NOON, TOKEN, make_finished_run


@dataclass
class RecordedControls:
    """The requests of the pages to the loop. `is_kept`: the journal can be written."""

    accepted: list[str] = field(default_factory=list)
    suspended: dict[str, datetime] = field(default_factory=dict)
    is_kept: bool = True

    def suspend(self, instance: str, until: datetime) -> bool:
        self.suspended[instance] = until
        return self.is_kept

    def resume(self, instance: str) -> bool:
        del self.suspended[instance]
        return self.is_kept


class ActionSite:
    """The application on loopback. `time` is its clock, and `runs` counts the requested runs."""

    def __init__(self, desired: DesiredState = DESIRED, *, is_dry_run: bool = False, has_intake: bool = True) -> None:
        self.time = FakeTime(start=NOON)
        self.board = StatusBoard(INTERVAL, clock=self.time.clock)
        self.controls, self.intake, self.runs = RecordedControls(), MemoryIntake(), 0
        self.desired = desired if has_intake else replace(desired, intake=None)
        controls = self.controls
        self.context = WebContext(
            self.board,
            get_desired=lambda: self.desired,
            request_reload=self._count_run,
            token_reader=lambda: TOKEN,
            intake=self.intake if has_intake else None,
            rows=FixedRows(),
            controls=None
            if is_dry_run
            else LoopControls(controls.accepted.append, controls.suspend, controls.resume, lambda: controls.suspended),
        )
        self.app = make_app(self.context, local_only=True)
        self._cookie: dict[str, str] = {}

    def sign_in(self) -> None:
        """Begin a session."""
        answer = call_app(self.app, "POST", "/sign-in", {"token": TOKEN.reveal()})
        assert answer.status == 303
        self._cookie = {"Cookie": str(answer.get_header("set-cookie")).partition(";")[0]}

    def get(self, path: str, status: int = 200) -> HtmlPage:
        """Return a page."""
        answer = call_app(self.app, "GET", path, headers=self._cookie)
        assert answer.status == status, answer.text
        return HtmlPage(answer.text)

    def read_csrf(self) -> str:
        """Return the value that the forms of this session carry."""
        return str(re.findall('name="csrf" value="([^"]+)"', self.get("/").html)[0])

    def post(self, path: str, fields: dict[str, str] | None = None) -> AsgiAnswer:
        """Send a form of a page."""
        return call_app(self.app, "POST", path, {"csrf": self.read_csrf(), **(fields or {})}, self._cookie)

    def carry_out(self, path: str, fields: dict[str, str] | None = None) -> str:
        """Send a form, and return the path of its outcome."""
        answer = self.post(path, fields)
        assert answer.status == 303, answer.text
        location: str = urljoin(f"http://host{path}", str(answer.get_header("location")))
        return str(urlsplit(location).path)

    def end_run(self, run: Run, **values: object) -> FinishedRun:
        """Let a run begin now and end."""
        self.time.moment += 1
        self.board.on_run_start(self.desired)
        finished_run = make_finished_run(run, began=self.time.clock.utc())
        self.board.on_run_end(finished_run)
        self.time.moment += 1
        return finished_run

    def _count_run(self) -> None:
        self.runs += 1
