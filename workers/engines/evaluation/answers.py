"""Greedy answers to a batch of questions, each ended by its first line or by the end of its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from workers.engines.evaluation.heldout import Question
from workers.engines.shared.language_models import chat_prompt, encode, stop_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Prompt:
    """A question as token ids."""

    question: Question
    ids: list[int]


@dataclass(frozen=True)
class Reply:
    text: str
    cut_off: bool
    """Neither a line nor a turn had ended when the limit of new tokens was reached."""


def prompt_for(tokenizer: PreTrainedTokenizerBase, question: Question, max_passage_tokens: int) -> Prompt:
    passage = encode(tokenizer, question.passage)
    kept = question.passage
    if len(passage) > max_passage_tokens:
        kept = str(tokenizer.decode(passage[:max_passage_tokens]))
    return Prompt(question, encode(tokenizer, chat_prompt(tokenizer, question.messages(kept))))


def answer(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    stop_requested: Callable[[], bool],
) -> list[Reply]:
    """One reply for each prompt, in order. Stops early, with whatever there is, when told to."""
    stops = stop_token_ids(tokenizer)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    width = max(len(prompt.ids) for prompt in prompts)
    ids = torch.tensor([[padding] * (width - len(p.ids)) + p.ids for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(p.ids)) + [1] * len(p.ids) for p in prompts], device=model.device)
    generated = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=stops,
        pad_token_id=padding,
        stopping_criteria=StoppingCriteriaList([_FirstLine(tokenizer, width, stop_requested)]),
    )
    return [_reply(tokenizer, row.tolist(), set(stops)) for row in generated[:, width:]]


def first_line(text: str) -> str | None:
    """The first line with something in it if it has ended, else None."""
    line, newline, _ = text.lstrip().partition("\n")
    return line.strip() if newline else None


def _reply(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: set[int]) -> Reply:
    text = str(tokenizer.decode(ids, skip_special_tokens=True))
    line = first_line(text)
    ended = line is not None or any(token in stops for token in ids)
    return Reply(text=text.strip() if line is None else line, cut_off=not ended)


class _FirstLine(StoppingCriteria):
    """Ends a row when its first line has ended; ends all rows when the run is asked to stop."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, width: int, stop_requested: Callable[[], bool]
    ) -> None:
        self.tokenizer = tokenizer
        self.width = width
        self.stop_requested = stop_requested

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        if self.stop_requested():
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        texts = self.tokenizer.batch_decode(input_ids[:, self.width :], skip_special_tokens=True)
        return torch.tensor([first_line(text) is not None for text in texts], device=input_ids.device)
