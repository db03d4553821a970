"""The HTTP side in this process, over a catalogue that a test sets, with a client that is logged in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from reconciler.model.gateway import GatewaySettings, Shows
from reconciler.model.rows import InstanceRows
from reconciler.model.secret import Secret
from reconciler.web.app import make_app
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.catalogues import POSITION, CatalogueWorld


class GatewayApp(CatalogueWorld):
    """A gateway in this process. It shows all torrents, unless a test says otherwise."""

    def __init__(self, *instances: InstanceRows, shows: Shows = Shows.ALL) -> None:
        super().__init__(*instances)
        settings = GatewaySettings(POSITION, "arr", Secret("right"), shows=shows)
        self.desired = replace(self.desired, gateway=settings)
        self.app = make_app(self.context, local_only=False)
        self.cookie = self.log_in()

    def log_in(self) -> str:
        """Return the cookie of a new session."""
        form = {"username": "arr", "password": "right"}
        answer = call_app(self.app, "POST", "/api/v2/auth/login", form)
        return (answer.get_header("set-cookie") or "").partition(";")[0]

    def get(self, endpoint: str, /, cookie: str | None = None, **parameters: Any) -> AsgiAnswer:
        """Send a GET."""
        headers = {"cookie": self.cookie if cookie is None else cookie}
        return call_app(self.app, "GET", f"/api/v2/{endpoint}?{urlencode(parameters)}", headers=headers)

    def post(self, endpoint: str, /, **form: Any) -> AsgiAnswer:
        """Send a POST."""
        return call_app(self.app, "POST", f"/api/v2/{endpoint}", form, {"cookie": self.cookie})

    def get_json(self, endpoint: str, /, **parameters: Any) -> Any:
        """Send a GET, and return the JSON of the answer."""
        answer = self.get(endpoint, **parameters)
        assert answer.status == 200, answer.text
        return json.loads(answer.body)
