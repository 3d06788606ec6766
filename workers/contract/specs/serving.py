"""The model server's requests and answers.

The chat and embedding bodies are OpenAI's with one extension, `kosha`, that names by path what to
load. The server keeps no state but caches, so every request is complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workers.contract.personal_data import TOKENS, PersonalDataMode, PersonalSpan
from workers.contract.prompts import STOP_STRINGS
from workers.contract.records import Source
from workers.contract.spec import Spec

MAXIMUM_TEXT = 1_000_000
"""Characters of a message."""
MAXIMUM_INPUTS = 2048
"""Texts of one request for embeddings, as OpenAI limits it."""
MAXIMUM_INPUT = 32_768
"""Characters of a text to embed: four for each of the 8,192 tokens to which OpenAI limits it. A model may read fewer."""
MAXIMUM_INPUT_TOKENS = 300_000
"""Of all texts of one request for embeddings, as OpenAI limits it."""
MAXIMUM_ALL_INPUTS = 4 * MAXIMUM_INPUT_TOKENS
"""Characters of all texts of one request for embeddings; they are counted before anything is cut into tokens."""
CONTEXT_LIMIT = 8192
"""Most tokens of prompt and answer together, where the operator sets no other limit (`KOSHA_SERVE_CONTEXT_LIMIT`)."""
Text = Annotated[str, Field(max_length=MAXIMUM_TEXT)]
Input = Annotated[str, Field(max_length=MAXIMUM_INPUT)]


class ModelChoice(Spec):
    """Which weights answer."""

    base_model: Path
    adapter: Path | None = None
    """A peft adapter folder on that base; none: the base model itself."""
    base_model_digest: str | None = None
    """Refuse to load the base model if its folder's digest (`inspect_model_folder`) is another."""
    adapter_sha256: str | None = None
    """Refuse to load the adapter if its manifest is another."""
    stop_strings: tuple[str, ...] = STOP_STRINGS
    """An answer ends before the first of them; those registered with the base model."""


class ChatMessage(Spec):
    role: Literal["system", "user", "assistant"]
    content: Text


class StreamOptions(Spec):
    include_usage: bool = False


StopString = Annotated[str, Field(max_length=200)]
"""Each is looked for at every token."""


class ChatBody(Spec):
    """POST /v1/chat/completions."""

    model: str = ""
    """Echoed in the answer; what is loaded is named by `kosha`."""
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1)]
    kosha: ModelChoice
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=1.0, ge=0, le=2)
    """0 takes the likeliest token at every step."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    stop: StopString | Annotated[tuple[StopString, ...], Field(max_length=4)] | None = None
    seed: int | None = None
    """The same seed, prompt and weights give the same answer, up to rounding between batch sizes."""
    stream: bool = False
    stream_options: StreamOptions | None = None


class EmbeddingChoice(Spec):
    embedding_model: Path
    folder_digest: str | None = None
    """Refuse to load the folder if its digest is another."""
    role: Literal["query", "passage"] = "passage"
    """e5 models put different prefixes before a question and before a passage."""
    organization: str = ""
    """Whose work it is: organizations take turns."""


class EmbeddingsBody(Spec):
    """POST /v1/embeddings."""

    model: str = ""
    input: Input | Annotated[tuple[Input, ...], Field(min_length=1, max_length=MAXIMUM_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    kosha: EmbeddingChoice

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.input,) if isinstance(self.input, str) else self.input

    @model_validator(mode="after")
    def _is_bounded(self) -> EmbeddingsBody:
        if sum(map(len, self.texts)) > MAXIMUM_ALL_INPUTS:
            raise ValueError(f"the texts of a request have at most {MAXIMUM_ALL_INPUTS} characters together")
        return self


class SearchBody(Spec):
    """POST /v1/search."""

    index: Path
    """Folder of an index build."""
    query: Annotated[str, Field(min_length=1, max_length=8192)]
    limit: int = Field(default=5, ge=1, le=100)
    organization: str = ""
    """Who asks: organizations take turns."""
    groups: tuple[str, ...]
    """What the asker may see: only passages that carry one of these groups are ranked."""
    excluded_document_ids: tuple[str, ...] = ()
    """Documents that were removed since the index was built; their passages are not ranked."""
    personal_data: PersonalDataMode = "masked"
    """How the passages' text leaves the index. Masked, a passage is also ranked by its masked text: its score would reveal
    what is hidden."""
    masked_document_ids: tuple[str, ...] = ()
    """Documents whose passages are masked although the others are raw."""
    index_sha256: str | None = None
    """Refuse to load the index if its manifest is another."""
    embedding_model_digest: str | None = None
    """Refuse to load the embedding model if its folder's digest is another."""
    embedding_model: Path | None = None
    """Folder of the index's embedding model; none: the folder it had when the index was built."""


ANSWERABLE_SCORE = 0.45
"""Below it a passage does not answer the question (`docs/decisions/answers.md` says how it was found)."""


class SearchHit(Spec):
    chunk_id: str
    text: str
    personal_data: PersonalDataMode = "raw"
    spans: tuple[PersonalSpan, ...] = ()
    """Where personal data stand in a raw text; a masked one has none."""
    source: Source
    """Its label is raw or masked as the text is."""
    label_has_personal_data: bool = False
    """Of a raw label."""
    score: float
    """0 to 1: how sure the search is; means the same for every question and index."""
    dense_score: float
    """Cosine between question and passage."""
    lexical_score: float
    """BM25 on characters; unbounded."""

    @property
    def has_personal_data(self) -> bool:
        """Whether personal data stand in the text or the label, or tokens in place of them."""
        shown = f"{self.source.label or ''}\n{self.text}"
        is_raw = bool(self.spans) or self.label_has_personal_data
        return is_raw or any(token in shown for token in TOKENS.values())


class SearchAnswer(Spec):
    hits: tuple[SearchHit, ...]
    seconds: float


class Health(Spec):
    """GET /health. `starting` until the libraries are imported; requests may be sent at once and wait."""

    status: Literal["starting", "ok"]
    version: int = 1
    loaded: dict[str, list[str]] = Field(default_factory=dict)
    """Paths by kind: `base_models`, `adapters`, `embedding_models`, `indexes`."""
    queue: int = 0
    """Answers that wait or are being written."""


class ErrorBody(Spec):
    """`{"error": ...}` as OpenAI writes it; `code` is stable."""

    type: str
    message: str
    param: str | None = None
    code: str
