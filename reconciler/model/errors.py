"""What can go wrong with an instance, as a taxonomy that every caller can decide on.

See docs/decisions/0008-instance-errors-live-in-the-model.md.
"""

from __future__ import annotations

from reconciler.model.run import Status


class InstanceError(Exception):
    """An instance did not do what was asked. The message says what happened and what to do about it.

    `status` is what the instance is reported as. `transient` errors may go away by themselves and are retried;
    all others need a person or a change. `unknown_outcome` is True where the request may have been carried out
    although no (whole) answer came back: read before sending again.
    """

    status = Status.ERROR
    transient = False
    unknown_outcome = False


class UnreachableError(InstanceError):
    """No connection could be made; nothing was sent."""

    status = Status.UNREACHABLE
    transient = True


class TlsError(UnreachableError):
    """A connection was made, and no TLS on it that can be trusted. For a person to mend."""

    transient = False


class ResponseTimeoutError(InstanceError):
    """The request was sent and no answer came in time."""

    status = Status.UNREACHABLE
    transient = True
    unknown_outcome = True


class BrokenResponseError(InstanceError):
    """The connection broke after the request was sent, or the answer was cut short or garbled."""

    status = Status.UNREACHABLE
    transient = True
    unknown_outcome = True


class ServerFaultError(InstanceError):
    """The server, or a proxy before it, answered 429 or 5xx."""

    status = Status.ERROR
    transient = True
    unknown_outcome = True


class AuthenticationError(InstanceError):
    """The credentials were refused. Never retried: five refusals ban the address for an hour."""

    status = Status.AUTH_FAILED


class BannedError(InstanceError):
    """The instance has banned our address after too many failed logins."""

    status = Status.BANNED


class UnsupportedError(InstanceError):
    """This version of qBittorrent cannot do what was asked."""

    status = Status.UNSUPPORTED


class RejectedError(InstanceError):
    """The instance understood the request and refused it (a 4xx answer); `http_status` says which."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class RequestTooLargeError(RejectedError):
    """A proxy before the instance takes no request of this size (413; nginx: 1 MiB by default). Send less at a time."""


class StopRequested(Exception):
    """The run was asked to stop (a signal): raised before the next request instead of sending it."""
