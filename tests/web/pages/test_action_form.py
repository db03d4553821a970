"""The form of an action, and its refusal."""

from __future__ import annotations

import pytest

from reconciler.web.pages.action_form import ActionForm, ActionRefused, refuse_obstacle


def test_an_obstacle_refuses_the_action() -> None:
    refuse_obstacle(ActionForm("Suspend", "Suspend"))
    with pytest.raises(ActionRefused) as refusal:
        refuse_obstacle(ActionForm("Suspend", "Suspend", obstacle="It is not here."))
    assert (refusal.value.text, refusal.value.problems) == ("It is not here.", ())
