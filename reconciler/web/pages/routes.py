"""The routes of the pages for people."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.pages.access import PageAccess, guard_reads
from reconciler.web.pages.actions import ActionPages
from reconciler.web.pages.frame import PageFrame
from reconciler.web.pages.history import HistoryPage
from reconciler.web.pages.overview import OverviewPage
from reconciler.web.pages.plan import PlanPage
from reconciler.web.pages.sign_in import SIGN_IN_PATH, SignInPage
from reconciler.web.pages.torrent import TorrentPage
from reconciler.web.pages.torrents import TorrentsPage


def make_page_routes(context: WebContext, catalogue: Catalogue, access: PageAccess) -> list[BaseRoute]:
    """Return the routes of all pages, and of the files that they load. Only the sign-in and the files are for all."""
    frame = PageFrame(access.get_rights, context.peers)
    sign_in = SignInPage(frame, context, access)
    actions = ActionPages(frame, context, catalogue, access, sign_in)
    pages = [
        Route("/", OverviewPage(frame, context).get),
        Route("/torrents", TorrentsPage(frame, context, catalogue).get),
        Route("/torrents/{infohash}", TorrentPage(frame, context, catalogue).get),
        Route("/plan", PlanPage(frame, context).get),
        Route("/history", HistoryPage(frame, context).get),
        Route("/actions/outcomes/{id}", actions.get_outcome),
    ]
    return [
        Route(SIGN_IN_PATH, sign_in.get),
        Route(SIGN_IN_PATH, sign_in.post, methods=["POST"]),
        Route("/sign-out", sign_in.post_sign_out, methods=["POST"]),
        Route("/static/{name}", frame.assets.get),
        *actions.list_routes(),
        *guard_reads(pages, access, sign_in.refuse),
    ]
