"""Errors that reach a user: a stable code, a sentence that says what to do, the field at fault."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _


class KoshaError(Exception):
    """Answered as `{error: {type, message, param, code}}` by the API and as a page by the console.

    `message` may be lazily translated. It never holds a secret, a document's text, or anything
    that tells whether another organization's object exists.
    """

    status = 400
    type = "invalid_request_error"
    is_passing = False
    """The same may succeed later without anybody changing what was asked for."""

    def __init__(self, code: str, message: Any, *, param: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.param = param

    def body(self) -> dict[str, Any]:
        return {
            "error": {"type": self.type, "message": str(self.message), "param": self.param, "code": self.code}
        }


class InvalidRequest(KoshaError):
    """The request cannot be done as asked; `param` names the field."""


class NotAuthenticated(KoshaError):
    status = 401
    type = "authentication_error"

    def __init__(self) -> None:
        super().__init__(
            "invalid_api_key",
            _(
                "No valid API key was given. Send one as `Authorization: Bearer ...`; keys are made under Settings."
            ),
        )


class PermissionDenied(KoshaError):
    status = 403
    type = "permission_error"

    def __init__(self) -> None:
        super().__init__(
            "permission_denied",
            _("Your role does not allow this. Ask an administrator of your organization."),
        )


class NotFound(KoshaError):
    """Absent, deleted, or another organization's: the same bytes for all three."""

    status = 404

    def __init__(self, param: str | None = None) -> None:
        super().__init__("not_found", _("There is no such object."), param=param)


class MethodNotAllowed(KoshaError):
    status = 405

    def __init__(self) -> None:
        super().__init__("method_not_allowed", _("This address does not take that method."))


class Conflict(KoshaError):
    """The object is in a state that does not allow this, or the key was used for something else."""

    status = 409
    type = "conflict_error"


class IdempotencyKeyReused(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_reused",
            _("This Idempotency-Key was used for another request. Send a new key, or the same request."),
            param="Idempotency-Key",
        )


class TooLarge(KoshaError):
    status = 413


class RequestTooLarge(TooLarge):
    def __init__(self) -> None:
        super().__init__("request_too_large", _("The request is larger than this address takes."))


class Unavailable(KoshaError):
    """Something this needs is down for the moment; the answer carries Retry-After."""

    status = 503
    type = "server_error"
    is_passing = True
    retry_after_seconds = 5


class Busy(Unavailable):
    """The database is away, out of connections, or broke a deadlock: the same request may succeed."""

    def __init__(self) -> None:
        super().__init__(
            "temporarily_unavailable", _("The platform is busy at the moment. Try again in a few seconds.")
        )


class InsufficientStorage(KoshaError):
    """The disk has no room for this beside what must be kept free; nothing was stored."""

    status = 507
    type = "server_error"
    is_passing = True

    def __init__(self, param: str | None = None) -> None:
        super().__init__(
            "insufficient_storage",
            _(
                "There is not enough space on the disk, so nothing was stored. Ask your operator to "
                "free or add space, then try again."
            ),
            param=param,
        )


class StorageUnavailable(Unavailable):
    """The storage is read-only, gives errors or went away with its server; no change of ours would help."""

    retry_after_seconds = 30

    def __init__(self) -> None:
        super().__init__(
            "storage_unavailable",
            _(
                "The storage cannot be read or written at the moment. "
                "Ask your operator to check its disk and its mount, then try again."
            ),
        )


class OutOfRange(InvalidRequest):
    """The database refused a value: the last border, behind every field's own limits."""

    def __init__(self) -> None:
        super().__init__("invalid_value", _("A value is longer or larger than can be stored."))


class InvalidCharacters(InvalidRequest):
    def __init__(self, param: str | None = None) -> None:
        super().__init__(
            "invalid_characters",
            _("NUL characters and unpaired surrogates cannot be stored. Remove them."),
            param=param,
        )
