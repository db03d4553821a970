"""Health and moments as JSON."""

from __future__ import annotations

from datetime import datetime

from reconciler.model.health import Health


def health_json(health: Health | None) -> dict[str, object] | None:
    """The health of an instance; None where nothing is known of it."""
    if health is None:
        return None
    probes = [
        {
            "probe": probe.probe,
            "state": probe.state,
            "since": moment_json(probe.since),
            "text": probe.text,
            "mend": probe.mend,
            "last_error": probe.last_error,
        }
        for probe in health.probes
    ]
    return {"state": health.state, "since": moment_json(health.since), "error": health.error, "probes": probes}


def moment_json(at: datetime) -> str:
    """A moment (UTC), to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
