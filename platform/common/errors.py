"""Errors that reach a user: a stable code, a sentence that says what to do, the field at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _


class KoshaError(Exception):
    """Answered as `{error: {type, message, param, code}}` by the API and as a page by the console.

    `message` may be lazily translated; with `values` it has places, `%(name)s`, that they fill. It never holds a secret, a document's text, or anything
    that reveals whether another organization's object exists.
    """

    status = 400
    type = "invalid_request_error"
    is_passing = False
    """The same request may succeed later."""
    retry_after_seconds: int | None = None
    """The answer's Retry-After, where it has one."""
    repeated_by_clients = (409, *range(500, 600))
    """Statuses after which the clients of OpenAI send a request again by themselves."""

    def __init__(
        self,
        code: str,
        message: Any,
        *,
        param: str | None = None,
        values: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = message
        """With its places, so that it can be stored and told in another language later."""
        self.values = dict(values or {})
        self.message = message if values is None else str(message) % values
        self.param = param

    def body(self) -> dict[str, Any]:
        return {
            "error": {"type": self.type, "message": str(self.message), "param": self.param, "code": self.code}
        }

    def headers(self) -> dict[str, str]:
        """When to send the request again: after Retry-After, or never where repeating cannot help."""
        if self.retry_after_seconds is not None:
            return {"Retry-After": str(self.retry_after_seconds)}
        is_lasting = self.status in self.repeated_by_clients and not self.is_passing
        return {"x-should-retry": "false"} if is_lasting else {}


class DeclaredError(KoshaError):
    """An error with one code and one sentence, which its class declares."""

    code: str
    message: Any
    param: str | None = None

    def __init__(self, param: str | None = None) -> None:
        super().__init__(self.code, self.message, param=param or self.param)


class InvalidRequest(KoshaError):
    """The request cannot be done as asked; `param` names the field."""


class NotAuthenticated(DeclaredError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"
    message = _(
        "No valid API key was given. Send one as `Authorization: Bearer ...`; keys are made under Settings."
    )


class SignedOut(NotAuthenticated):
    """The session of the console has ended."""

    code = "signed_out"
    message = _("You are signed out, so nothing was done. Sign in again in another tab, then try again.")


class PermissionDenied(DeclaredError):
    status = 403
    type = "permission_error"
    code = "permission_denied"
    message = _("Your role does not allow this. Ask an administrator of your organization.")


class NotFound(DeclaredError):
    """Absent, deleted, or another organization's: the answer is the same for all three."""

    status = 404
    code = "not_found"
    message = _("There is no such object.")


class UnknownEndpoint(DeclaredError):
    """An address that the API does not have; of an address that it has, NotFound says that the object is absent."""

    status = 404
    code = "unknown_endpoint"
    message = _("The API has no such address. Look at /v1/docs for those it has, and at the base URL.")


class MethodNotAllowed(DeclaredError):
    status = 405
    code = "method_not_allowed"
    message = _("This address does not take that method.")

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        super().__init__()
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class Conflict(KoshaError):
    """The object is in a state that does not allow this, or the key was used for something else."""

    status = 409
    type = "conflict_error"


class NotReadyYet(Conflict):
    """What is made passes into the state that this needs by itself. Clients that follow Retry-After try again."""

    is_passing = True
    retry_after_seconds = 5


class IdempotencyKeyReused(DeclaredError, Conflict):
    code = "idempotency_key_reused"
    message = _("This Idempotency-Key was used for another request. Send a new key, or the same request.")
    param = "Idempotency-Key"


class IdempotencyKeyNotHonoured(DeclaredError, InvalidRequest):
    code = "idempotency_key_not_honoured"
    message = _(
        "This address does not honour an Idempotency-Key. Leave the header out, and look whether the first request was "
        "carried out before you repeat it. /v1/docs says which addresses take one."
    )
    param = "Idempotency-Key"


class UnsupportedEncoding(DeclaredError):
    status = 415
    code = "unsupported_content_encoding"
    message = _("A request's body is read only as it is. Send it without Content-Encoding.")
    param = "Content-Encoding"


class TooLarge(KoshaError):
    status = 413


class RequestTooLarge(DeclaredError, TooLarge):
    code = "request_too_large"
    message = _("The request is larger than this address takes.")


class Unavailable(KoshaError):
    """Something this needs is down at the moment; the answer carries Retry-After."""

    status = 503
    type = "server_error"
    is_passing = True
    retry_after_seconds = 5


class Busy(DeclaredError, Unavailable):
    """The database is away, out of connections, or ended a deadlock: the same request may succeed."""

    code = "temporarily_unavailable"
    message = _("The platform is busy at the moment. Try again in a few seconds.")


class InsufficientStorage(DeclaredError):
    """The disk has no room above its floor; nothing was stored."""

    status = 507
    type = "server_error"
    is_passing = True
    code = "insufficient_storage"
    message = _(
        "There is not enough space on the disk, so nothing was stored. Ask your operator to "
        "free or add space, then try again."
    )


class StorageUnavailable(DeclaredError, Unavailable):
    """The storage is read-only, gives errors or its server is gone."""

    retry_after_seconds = 30
    code = "storage_unavailable"
    message = _(
        "The storage cannot be read or written at the moment. "
        "Ask your operator to check its disk and its mount, then try again."
    )


class OutOfRange(DeclaredError, InvalidRequest):
    """The database refused a value that the limits of the fields had admitted."""

    code = "invalid_value"
    message = _("A value is longer or larger than can be stored.")


class InvalidCharacters(DeclaredError, InvalidRequest):
    code = "invalid_characters"
    message = _("NUL characters and unpaired surrogates cannot be stored. Remove them.")


class InvalidNumber(DeclaredError, InvalidRequest):
    code = "invalid_number"
    message = _("This is not a finite number. NaN, Infinity and numbers beyond 1.8e308 cannot be used.")
