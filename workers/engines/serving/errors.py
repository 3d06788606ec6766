"""The model server's errors: each has an HTTP status and a stable code."""

from __future__ import annotations

from workers.contract.specs.serving import ErrorBody


class ServeError(Exception):
    """Answered as `{"error": {type, message, param, code}}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        type_ = "invalid_request_error" if status < 500 else "server_error"
        error = ErrorBody(type=type_, message=message, param=param, code=code)
        self.body = {"error": error.model_dump()}


def artifact_damaged(what: str, param: str) -> ServeError:
    return ServeError(
        500, "serve.system.artifact_damaged", f"Not served, because damaged: {what}.", param=param
    )


def context_too_long(prompt: int, answer: int, limit: int) -> ServeError:
    return ServeError(
        400,
        "context_length_exceeded",
        f"The model's context is {limit} tokens, but the messages take {prompt} and the answer may take "
        f"{answer}. Shorten the messages or lower max_tokens.",
        param="messages",
    )


def text_too_long(position: int, tokens: int, limit: int) -> ServeError:
    return ServeError(
        400,
        "context_length_exceeded",
        f"The model reads {limit} tokens of a text, and this one has {tokens}. Divide it into shorter texts.",
        param=f"input.{position}",
    )


def too_many_tokens(tokens: int, limit: int) -> ServeError:
    return ServeError(
        400,
        "too_many_tokens",
        f"A request holds at most {limit} tokens, and this one has {tokens}. Send the texts in several requests.",
        param="input",
    )


def too_busy() -> ServeError:
    return ServeError(
        503, "model_server_busy", "Too many answers are being written. Try again in a moment.", retry_after=5
    )


def too_many_requests(limit: int) -> ServeError:
    return ServeError(
        503,
        "model_server_busy",
        f"{limit} requests of this organization already wait. Send the next when one has been answered.",
        retry_after=5,
    )


def search_too_long(seconds: float) -> ServeError:
    return ServeError(
        503,
        "search_timed_out",
        f"The search took longer than {seconds:g} seconds and was given up. Try again in a moment: a large index "
        "may have been read by then. If it stays so, look at the model server's disk and log, and restart it.",
        retry_after=5,
    )


def unexpected() -> ServeError:
    return ServeError(
        500, "serve.system.unexpected", "Unexpected failure; the model server's log has the details."
    )
