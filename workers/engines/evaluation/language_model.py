"""One model with its tokenizer, answering requests of each type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy
from transformers import StoppingCriteria, StoppingCriteriaList

from workers.engines.evaluation.requests import (
    Generated,
    GenerateUntil,
    Likelihood,
    LogLikelihood,
    Request,
    Response,
    RollingLogLikelihood,
)
from workers.engines.shared.language_models import encode, encode_document, stop_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS = 64
"""Positions whose probabilities are computed at a time: a large vocabulary is not held twice."""
NEW_TOKEN_COST = 8
"""What a generated token costs beside one that is only read; for the estimate of the time left."""


class PlannedRequest:
    """A request as token ids of one tokenizer, with the item it belongs to."""

    def __init__(self, item: int, number: int, request: Request, tokenizer: PreTrainedTokenizerBase) -> None:
        self.item = item
        """Position in the list of items."""
        self.number = number
        """Position among the requests for the item."""
        self.request = request
        self.first = 1
        """Position of the first token whose probability counts."""
        if isinstance(request, RollingLogLikelihood):
            self.ids = with_start_token(tokenizer, encode_document(tokenizer, request.text))
        elif isinstance(request, LogLikelihood):
            self.ids, self.first = encode_pair(tokenizer, request.context, request.continuation)
        else:
            self.ids = encode(tokenizer, request.prompt)

    @property
    def cost(self) -> float:
        """In tokens read."""
        new = self.request.max_new_tokens if isinstance(self.request, GenerateUntil) else 0
        return len(self.ids) + NEW_TOKEN_COST * new

    @property
    def positions(self) -> int:
        """How much of the model's context the request takes; 0 for a rolling one, which is read in windows."""
        if isinstance(self.request, RollingLogLikelihood):
            return 0
        new = self.request.max_new_tokens if isinstance(self.request, GenerateUntil) else 0
        return len(self.ids) + new


def with_start_token(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """`ids` after one start token, so that every character is predicted from something.

    That is bos where the model knows one, else eos, which ends the document before.
    """
    if ids[:1] == [tokenizer.bos_token_id]:
        return ids
    start = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.bos_token_id
    return ids if start is None else [start, *ids]


def encode_pair(tokenizer: PreTrainedTokenizerBase, context: str, continuation: str) -> tuple[list[int], int]:
    """Token ids of both together, and where the continuation begins in them.

    Both are encoded as one text, and spaces at the end of the context belong to the continuation: most
    tokenizers join a space to the word after it.
    """
    spaces = len(context) - len(context.rstrip())
    if spaces:
        context, continuation = context[:-spaces], context[-spaces:] + continuation
    if not context:
        return with_start_token(tokenizer, encode_document(tokenizer, continuation)), 1
    return encode(tokenizer, context + continuation), len(encode(tokenizer, context))


def batches(planned: Sequence[PlannedRequest]) -> Iterator[list[PlannedRequest]]:
    """Requests of one type in the groups in which they are run.

    Prompts of like length share a batch. The longest come first, so that the estimate of the time left
    falls and does not rise.
    """
    groups: dict[tuple[Any, ...], list[PlannedRequest]] = {}
    for one in planned:
        request = one.request
        if isinstance(request, GenerateUntil):
            key = (request.max_new_tokens, request.until, request.batch_size)
            groups.setdefault(key, []).append(one)
        else:
            yield [one]
    for (_new, _until, size), group in groups.items():
        group.sort(key=lambda one: len(one.ids), reverse=True)
        yield from (group[start : start + size] for start in range(0, len(group), size))


@dataclass(frozen=True)
class LanguageModel:
    """Answers batches of planned requests with the model that is active at the moment."""

    model: Any
    tokenizer: PreTrainedTokenizerBase
    stop_requested: Callable[[], bool]

    def respond(self, batch: Sequence[PlannedRequest]) -> list[Response]:
        """One response for each request, in order. `batch` comes from `batches`."""
        request = batch[0].request
        if isinstance(request, GenerateUntil):
            return list(self._generate([one.ids for one in batch], request))
        size = request.window_tokens if isinstance(request, RollingLogLikelihood) else len(batch[0].ids)
        return [likelihood(self.model, one.ids, one.first, size) for one in batch]

    def _generate(self, prompts: Sequence[list[int]], request: GenerateUntil) -> Iterator[Generated]:
        """Ends early, with the text so far, when the run is asked to stop."""
        stops = stop_token_ids(self.tokenizer)
        padding = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else stops[0]
        width, device = max(map(len, prompts)), self.model.device
        ids = torch.tensor([[padding] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        written = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=request.max_new_tokens,
            do_sample=False,
            eos_token_id=stops,
            pad_token_id=padding,
            stopping_criteria=StoppingCriteriaList(
                [_StopStrings(self.tokenizer, width, request.until, self.stop_requested)]
            ),
        )
        for row in written[:, width:].tolist():
            text = str(self.tokenizer.decode(row, skip_special_tokens=True))
            ended = text_until(text, request.until)
            cut_off = ended is None and not any(token in stops for token in row)
            yield Generated(text.strip() if ended is None else ended, cut_off)


class _StopStrings(StoppingCriteria):
    """Ends a row at its first stop string, and all rows when the run is asked to stop."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        width: int,
        until: tuple[str, ...],
        stop_requested: Callable[[], bool],
    ) -> None:
        self.tokenizer = tokenizer
        self.width = width
        self.until = until
        self.stop_requested = stop_requested

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        if self.stop_requested():
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        texts = self.tokenizer.batch_decode(input_ids[:, self.width :], skip_special_tokens=True)
        ended = [text_until(text, self.until) is not None for text in texts]
        return torch.tensor(ended, device=input_ids.device)


def text_until(text: str, until: Sequence[str]) -> str | None:
    """The text up to its first stop string; None if it has none after its first visible character."""
    text = text.lstrip()
    ends = [end for end in (text.find(stop) for stop in until) if end >= 0]
    return text[: min(ends)].strip() if ends else None


def likelihood(model: Any, ids: Sequence[int], first: int, window_tokens: int) -> Likelihood:
    """The probability of the tokens of `ids` from position `first` on, each given those before it."""
    tokens = torch.tensor([ids], device=model.device)
    nats, is_greedy = 0.0, True
    for start, end, counted in windows(first, len(ids), window_tokens):
        # The logits at position i predict token i + 1; only those that are counted are computed.
        logits = model(
            input_ids=tokens[:, start:end], use_cache=False, logits_to_keep=end - counted + 1
        ).logits[0]
        targets = tokens[0, counted:end]
        for row in range(0, len(targets), ROWS):
            part = logits[row : min(row + ROWS, len(targets))].float()
            nats += cross_entropy(part, targets[row : row + ROWS], reduction="sum").item()
            is_greedy = is_greedy and bool((part.argmax(-1) == targets[row : row + ROWS]).all())
    return Likelihood(log_likelihood=-nats, tokens=len(ids) - first, is_greedy=is_greedy)


def windows(first: int, length: int, size: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, counted) for `length` tokens: read start:end, count from `counted` on.

    Every token from `first` on is counted once. In a text longer than `size`, windows overlap by half, so
    that each counted token has at least size / 2 tokens before it.
    """
    counted, start = first, 0
    while counted < length:
        end = min(start + size, length)
        yield start, end, counted
        counted = end
        start = end - size // 2
