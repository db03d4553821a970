"""The errors of an instance, as a hierarchy that every caller can decide by.

See docs/decisions/0008-instance-errors-live-in-the-model.md.
"""

from __future__ import annotations

from reconciler.model.run import Status


class InstanceError(Exception):
    """An instance did not carry out a request. The message says what happened and what to do about it.

    `status` is the reported status of the instance. `transient` errors may pass by themselves and are retried; all
    others need a person or a change. `unknown_outcome` is True if the request may have been carried out although no
    complete response arrived: read before sending it again.
    """

    status = Status.ERROR
    transient = False
    unknown_outcome = False


class UnreachableError(InstanceError):
    """No connection could be made; nothing was sent."""

    status = Status.UNREACHABLE
    transient = True


class TlsError(UnreachableError):
    """A connection was made, but its TLS cannot be trusted. A person must fix it."""

    transient = False


class ResponseTimeoutError(InstanceError):
    """The request was sent, and no response arrived in time."""

    status = Status.UNREACHABLE
    transient = True
    unknown_outcome = True


class SlowReplyError(ResponseTimeoutError):
    """The response began, and was not whole in time, or others waited for it. It is not sent again in the same run."""

    transient = False


class BrokenResponseError(InstanceError):
    """The connection broke after the request was sent, or the response was truncated or malformed."""

    status = Status.UNREACHABLE
    transient = True
    unknown_outcome = True


class ServerFaultError(InstanceError):
    """The server, or a proxy in front of it, responded with 429 or 5xx."""

    status = Status.ERROR
    transient = True
    unknown_outcome = True


class AuthenticationError(InstanceError):
    """The credentials were refused. Never retried: five refusals ban the address for an hour."""

    status = Status.AUTH_FAILED


class MissingCredentialsError(AuthenticationError):
    """A login is required, and no credentials for it are declared."""


class ProxyAuthenticationError(AuthenticationError):
    """The credentials for a proxy before the instance were refused."""


class LoginPostponedError(InstanceError):
    """A login was not sent, because it is too early after others that were not answered."""


class SessionLostError(InstanceError):
    """The login was accepted, and the next request was answered as if there were none; nothing was carried out."""

    transient = True


class BannedError(InstanceError):
    """The instance has banned our address after too many failed logins."""

    status = Status.BANNED


class UnsupportedError(InstanceError):
    """This version of qBittorrent does not support the request."""

    status = Status.UNSUPPORTED


class UnexpectedReplyError(InstanceError):
    """The reply is none that qBittorrent sends: something else answered."""


class RejectedError(InstanceError):
    """The instance understood the request and refused it with the 4xx status `http_status`."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class RequestTooLargeError(RejectedError):
    """A proxy in front of the instance refuses a request of this size (413; nginx: 1 MiB by default)."""


class InternalError(InstanceError):
    """A bug of ours, met while working on one instance. The work on the others goes on."""

    def __init__(self, instance: str, cause: Exception) -> None:
        super().__init__(
            f"{instance}: internal error: {type(cause).__name__}. Other instances are not affected. Please report it "
            "with the output of -v"
        )
        self.__cause__ = cause


class StopRequested(Exception):
    """The run was asked to stop, by a signal. Raised instead of sending the next request."""


class SuspendedMeanwhile(StopRequested):
    """A person has suspended the instance during the run. Raised instead of sending the next change."""


class LeaseLapsed(StopRequested):
    """The lease on the instance was not renewed in time: another run may have it. Raised instead of a deletion."""
