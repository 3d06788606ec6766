"""The bodies of /v1/chat/completions and /v1/embeddings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from ninja.schema import DjangoGetter
from pydantic import BeforeValidator, Field, model_validator

from common.errors import InvalidRequest
from common.unsupported import NO_TOOLS, TEXT_ONLY, Unsupported, unsupported
from common.wire import Body, Metadata, OneOrMany, known_fields
from releases.services import GenerationSettings
from workers.contract.prompts import PromptMessage
from workers.contract.specs.serving import (
    MAXIMUM_ALL_INPUTS,
    MAXIMUM_INPUT,
    MAXIMUM_INPUTS,
    MAXIMUM_TEXT,
)

Text = Annotated[str, Field(max_length=MAXIMUM_TEXT)]


def _only_text(kind: Any) -> Any:
    if isinstance(kind, str) and kind != "text":
        raise unsupported("only text parts are read, no images, audio or files")
    return kind


class TextPart(Body):
    type: Annotated[Literal["text"], BeforeValidator(_only_text)]
    """Images, audio and files are refused."""
    text: Text


def _no_tool(role: Any) -> Any:
    if role in ("tool", "function"):
        raise unsupported(NO_TOOLS)
    return role


class ChatMessage(Body):
    role: Annotated[Literal["system", "developer", "user", "assistant"], BeforeValidator(_no_tool)]
    name: Annotated[str | None, Unsupported("")] = None
    refusal: Annotated[str | None, Unsupported("")] = None
    audio: Annotated[Any, Unsupported({}, why=TEXT_ONLY)] = None
    tool_calls: Annotated[list[Any] | None, Unsupported([], why=NO_TOOLS)] = None
    function_call: Annotated[Any, Unsupported({}, why=NO_TOOLS)] = None
    content: Annotated[OneOrMany[TextPart], Field()]
    """A text, or text parts."""

    @model_validator(mode="before")
    @classmethod
    def _of_answer(cls, given: Any) -> Any:
        """An assistant's message is an answer that is sent back, with its citations."""
        plain = given._obj if isinstance(given, DjangoGetter) else given
        is_answer = isinstance(plain, dict) and plain.get("role") == "assistant"
        return known_fields(cls, plain) if is_answer else given

    def plain(self) -> PromptMessage:
        text = (
            self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        )
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class ResponseFormat(Body):
    type: Literal["text"]


class StreamOptionsBody(Body):
    include_usage: bool | None = None
    include_obfuscation: Annotated[bool | None, Unsupported(False)] = None


ANSWER_LIMIT = f"""Longest answer, in tokens; without it a release's own limit holds, and {GenerationSettings().max_tokens} for a plain
    model. `max_tokens` is the older name of `max_completion_tokens`: of both one is given, or the same number."""


class CompletionBody(Body):
    model: str
    """An alias such as `production` or a release's id (with retrieval), or a plain model (without)."""
    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    max_tokens: int | None = Field(default=None, ge=1, description=ANSWER_LIMIT)
    max_completion_tokens: int | None = Field(default=None, ge=1, description=ANSWER_LIMIT)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: OneOrMany[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stream: bool | None = None
    stream_options: StreamOptionsBody | None = None
    n: Annotated[int | None, Unsupported(1)] = None
    response_format: ResponseFormat | None = None
    user: str | None = None
    """Accepted, and asks for nothing; so do `safety_identifier` and `prompt_cache_key`."""
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: Annotated[Metadata | None, Unsupported({})] = None
    store: Annotated[bool | None, Unsupported(False)] = None
    service_tier: Annotated[str | None, Unsupported("auto", "default")] = None
    logprobs: Annotated[bool | None, Unsupported(False)] = None
    top_logprobs: Annotated[int | None, Unsupported(0)] = None
    logit_bias: Annotated[dict[str, Any] | None, Unsupported({})] = None
    tools: Annotated[list[Any] | None, Unsupported([], why=NO_TOOLS)] = None
    tool_choice: Annotated[Any, Unsupported("none", "auto", why=NO_TOOLS)] = None
    parallel_tool_calls: bool | None = None
    """Accepted, and asks for nothing: models use no tools here."""
    functions: Annotated[list[Any] | None, Unsupported([], why=NO_TOOLS)] = None
    function_call: Annotated[Any, Unsupported("none", "auto", why=NO_TOOLS)] = None
    modalities: Annotated[list[str] | None, Unsupported(["text"], why=TEXT_ONLY)] = None
    audio: Annotated[Any, Unsupported(why=TEXT_ONLY)] = None
    prediction: Annotated[Any, Unsupported()] = None
    reasoning_effort: Annotated[str | None, Unsupported()] = None
    verbosity: Annotated[str | None, Unsupported()] = None
    web_search_options: Annotated[Any, Unsupported()] = None

    @property
    def limit(self) -> int | None:
        """Tokens of the answer. Raises InvalidRequest `conflicting_parameters`."""
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise InvalidRequest(
                "conflicting_parameters",
                "max_tokens and max_completion_tokens differ. Give one of them.",
                param="max_tokens",
            )
        return next(iter(limits), None)


# -- embeddings -------------------------------------------------------------------------------
def _no_tokens(given: Any) -> Any:
    if isinstance(given, list) and given and all(isinstance(item, int | list) for item in given):
        raise unsupported("token arrays are not read, only text. Give a text or a list of texts")
    return given


class EmbeddingBody(Body):
    input: Annotated[OneOrMany[str], BeforeValidator(_no_tokens)]
    """A text, or a list of at most 2048 texts. A text has at most 32,768 characters, all together 1,200,000, and each
    at most the tokens that the model reads. Token arrays are refused."""
    model: str
    """An embedding model's name."""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    """The model's own number; vectors are not shortened, so every other one is refused."""
    user: str | None = None
    """Accepted, and asks for nothing."""
    input_type: Literal["query", "passage"] = "passage"
    """Kosha's: questions and the passages that answer them are embedded differently by e5 models."""

    def texts(self) -> list[str]:
        """Raises InvalidRequest `invalid_value`, `context_length_exceeded`, `too_many_tokens`.

        Counts characters, which costs nothing; the model server counts the tokens of what is left.
        """
        texts = [self.input] if isinstance(self.input, str) else self.input
        if not 1 <= len(texts) <= MAXIMUM_INPUTS or not all(texts):
            raise InvalidRequest(
                "invalid_value", _("input must be 1 to 2048 texts, none of them empty."), param="input"
            )
        for position, text in enumerate(texts):
            if len(text) > MAXIMUM_INPUT:
                raise InvalidRequest(
                    "context_length_exceeded",
                    _(
                        "A text has at most %(limit)s characters, and this one has %(characters)s. Divide it into "
                        "shorter texts."
                    ),
                    param="input" if isinstance(self.input, str) else f"input.{position}",
                    values={"limit": f"{MAXIMUM_INPUT:,}", "characters": f"{len(text):,}"},
                )
        if (characters := sum(map(len, texts))) > MAXIMUM_ALL_INPUTS:
            raise InvalidRequest(
                "too_many_tokens",
                _(
                    "The texts of a request have at most %(limit)s characters together, and these have "
                    "%(characters)s. Send them in several requests."
                ),
                param="input",
                values={"limit": f"{MAXIMUM_ALL_INPUTS:,}", "characters": f"{characters:,}"},
            )
        return texts
