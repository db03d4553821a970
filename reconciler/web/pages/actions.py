"""The actions of the pages: each says what it will do, needs a session or the token, and says what came of it."""

from __future__ import annotations

import secrets
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.model.position import Problem
from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.forms import Form, read_form
from reconciler.web.gateway.access import peer_of
from reconciler.web.pages.access import PageAccess
from reconciler.web.pages.action_form import ActionForm, ActionRefused, PageAction, Performed
from reconciler.web.pages.action_log import MAX_PAST_ACTIONS, ActionLog
from reconciler.web.pages.frame import MIN_REFRESH, PageFrame, redirect
from reconciler.web.pages.intake_actions import PAUSE, RESUME, AddTorrents, ChangeTorrent, RemoveTorrent
from reconciler.web.pages.loop_actions import AcceptPlan, Resume, RunNow, Suspend, find_suspend_position, is_acceptable
from reconciler.web.pages.sign_in import SignInPage

ADD_PATH: Final = "/actions/add"  # takes files
_REFUSED_STATUS: Final = 409


class ActionPages:
    """The pages of all actions. They are for those who may change something."""

    def __init__(
        self, frame: PageFrame, context: WebContext, catalogue: Catalogue, access: PageAccess, sign_in: SignInPage
    ) -> None:
        self._frame, self._context, self._access, self._sign_in = frame, context, access, sign_in
        self._log = ActionLog(context.board, lambda: secrets.token_urlsafe(9))
        self._actions: dict[str, PageAction] = {
            "run": RunNow(context),
            "accept-plan": AcceptPlan(context),
            "suspend": Suspend(context),
            "resume": Resume(context),
            "add": AddTorrents(context),
            "pause-torrent": ChangeTorrent(context, catalogue, PAUSE),
            "resume-torrent": ChangeTorrent(context, catalogue, RESUME),
            "remove-torrent": RemoveTorrent(context, catalogue),
        }

    def list_routes(self) -> list[Route]:
        """Return the routes that change something, and lead to it. They check for themselves who may."""
        return [
            Route("/actions", self.get_index),
            Route("/actions/{name}", self.get_form),
            Route("/actions/{name}", self.post, methods=["POST"]),
        ]

    async def get_index(self, request: Request) -> Response:
        """Return the list of what can be done now."""
        if not self._access.may_change(request):
            return await self._sign_in.refuse(request)
        view, controls = self._context.board.get_view(), self._context.controls
        suspended = controls.list_suspended() if controls else {}
        desired = self._context.get_desired()
        return self._frame.respond(
            request,
            view,
            "actions.html",
            "Actions",
            instances=[
                (instance.name, suspended.get(instance.name), find_suspend_position(desired, instance.name))
                for instance in view.instances
            ],
            is_dry_run=controls is None,
            plan_hash=view.last_run.run.plan_hash if view.last_run and is_acceptable(view.last_run.run) else "",
            has_intake=self._context.intake is not None and desired.intake is not None,
        )

    async def get_form(self, request: Request) -> Response:
        """Return what an action will do, with the button that does it."""
        action = self._find_action(request)
        if not self._access.may_change(request):
            return await self._sign_in.refuse(request)
        fields = {name: sanitize_text(value) for name, value in request.query_params.items()}
        form = await run_in_threadpool(action.make_form, fields, self._context.board.get_view().now)
        return self._respond(request, form)

    async def post(self, request: Request) -> Response:
        """Carry an action out, and lead on to what came of it."""
        action = self._find_action(request)
        if not self._access.may_change(request):  # before its files are read
            return await self._sign_in.refuse(request)
        form = await read_form(request)
        self._access.check_form(request, form.fields.get("csrf", ""))
        return await run_in_threadpool(self._perform, request, action, form)

    def get_outcome(self, request: Request) -> Response:
        """Return what came of an action so far."""
        past = self._log.find(request.path_params["id"])
        view = self._context.board.get_view()
        if past is None:
            return self._frame.respond(
                request, view, "outcome.html", "Action", status=404, past=None, outcome_limit=MAX_PAST_ACTIONS
            )
        return self._frame.respond(request, view, "outcome.html", past.title, past=past)

    def _perform(self, request: Request, action: PageAction, form: Form) -> Response:
        now = self._context.board.get_view().now
        log = structlog.get_logger().bind(action=request.path_params["name"], client=peer_of(request.scope))
        title = action.make_form(form.fields, now).title
        try:
            performed: Performed = action.perform(form, now)
        except ActionRefused as refusal:
            log.info("an action of the pages was refused", reason=sanitize_text(refusal.text))
            return self._respond(request, action.make_form(form.fields, now), form, refusal)
        log.info("an action of the pages", headline=sanitize_text(performed.outcome.headline))
        past = self._log.add(title, now, performed.outcome, performed.follow_up)
        return redirect(request, f"actions/outcomes/{past.id}", refresh=MIN_REFRESH if past.follow_up else None)

    def _find_action(self, request: Request) -> PageAction:
        action = self._actions.get(request.path_params["name"])
        if action is None:
            raise HTTPException(404, "Not Found")
        return action

    def _respond(
        self, request: Request, form: ActionForm, given: Form | None = None, refusal: ActionRefused | None = None
    ) -> Response:
        problems: tuple[Problem, ...] = refusal.problems if refusal else ()
        return self._frame.respond(
            request,
            self._context.board.get_view(),
            "action.html",
            form.title,
            status=_REFUSED_STATUS if refusal else 200,
            form=form,
            action=f"actions/{request.path_params['name']}",
            given=given.fields if given else {},
            error=refusal.text if refusal else "",
            problems=problems,
        )
