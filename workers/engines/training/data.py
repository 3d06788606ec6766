"""From record files to samples: token ids, and for each token how much it is learnt from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import ValidationError

from workers.contract.prompts import Message, closed_book_messages, open_book_messages
from workers.contract.records import RECORD, AnyRecord, MessagesRecord, PairRecord, Split, TextRecord
from workers.contract.specs.training import Hyperparameters, Objective
from workers.engines.shared.language_models import chat_prompt, encode, encode_document
from workers.engines.shared.runtime import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Sample:
    """A document's piece or a conversation. `weights[t]` is the loss weight of predicting `ids[t]`.

    `weights[0]` is always 0: nothing stands before the first token. `ids` is int64, `weights`
    float32, both (tokens,).
    """

    ids: np.ndarray
    weights: np.ndarray
    repeats: int = 1

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class SampleSet:
    """The samples of one split and how many records of each type they came from."""

    samples: list[Sample] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    too_long: int = 0
    """Conversations longer than the sequence length; they cannot be cut and are left out."""

    def __len__(self) -> int:
        return len(self.samples)

    def digest(self) -> str:
        """sha256 over all samples in order: equal digests train equally."""
        whole = hashlib.sha256()
        for sample in self.samples:
            whole.update(sample.ids.tobytes() + sample.weights.tobytes() + b"%d;" % sample.repeats)
        return whole.hexdigest()


def read_records(files: Sequence[Path], split: Split) -> Iterator[AnyRecord]:
    """The records of one split, in file order. Raises UserError `broken_record` naming file and line."""
    for path in files:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                # Only a split's own records are parsed: validation is most of the reading.
                if not line.strip() or json_split(line, path, number) != split:
                    continue
                try:
                    yield RECORD.validate_json(line)
                except ValidationError:
                    raise _broken(path, number) from None


def with_replay(
    records: Iterator[AnyRecord], known: set[str], share: float, seed: int
) -> Iterator[AnyRecord]:
    """The records that are not `known` (by id), and of those that are, a share drawn by seed and id."""
    for record in records:
        if record.id not in known or _draw(seed, record.id) < share:
            yield record


def _draw(seed: int, id: str) -> float:
    """A number in [0, 1) that depends on nothing else, so that every process draws the same."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{id}".encode()).digest()[:8]) / 2**64


def json_split(line: str, path: Path, number: int) -> str:
    try:
        return str(json.loads(line).get("split", "train"))
    except (ValueError, AttributeError):
        raise _broken(path, number) from None


def _broken(path: Path, number: int) -> UserError:
    place = f"{path.name}:{number}"
    return UserError("broken_record", f"Line {number} of {path.name} is not a record.", param=place)


class SampleBuilder:
    """Turns records into samples for one tokenizer and one set of hyperparameters."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        hyperparameters: Hyperparameters,
        objectives: Sequence[Objective],
    ) -> None:
        self.tokenizer = tokenizer
        self.settings = hyperparameters
        self.objectives = objectives

    def build(self, records: Iterator[AnyRecord]) -> SampleSet:
        """Raises UserError `context_too_long` when not one conversation fits."""
        chosen = [record for record in records if self._wanted(record)]
        contexts = sorted({r.context for r in chosen if isinstance(r, PairRecord) and r.context})
        result = SampleSet()
        conversations = 0
        for record in chosen:
            result.records[record.type] += 1
            if isinstance(record, TextRecord):
                result.samples += self._pieces(record.text)
                continue
            for messages in self._conversations(record, contexts):
                sample = self._conversation(messages)
                if not sample.weights.any():
                    continue  # nobody answers in it: nothing to learn
                conversations += 1
                if len(sample) > self.settings.sequence_length:
                    result.too_long += 1
                else:
                    result.samples.append(sample)
        if conversations and result.too_long == conversations:
            raise UserError(
                "context_too_long",
                f"All {conversations} conversations are longer than {self.settings.sequence_length} tokens. "
                "Raise sequence_length or shorten the pairs.",
                param="hyperparameters.sequence_length",
            )
        return result

    def _wanted(self, record: AnyRecord) -> bool:
        objective = "continued_pretraining" if isinstance(record, TextRecord) else "supervised"
        return objective in self.objectives

    def _pieces(self, text: str) -> Iterator[Sample]:
        """Running text, cut where it is longer than the model may see; only the last piece ends it."""
        document = encode_document(self.tokenizer, text)
        bos = document[:1] if document[:1] == [self.tokenizer.bos_token_id] else []
        tokens = document[len(bos) :]
        if self.tokenizer.eos_token_id is not None:
            tokens.append(self.tokenizer.eos_token_id)
        room = self.settings.sequence_length - len(bos)
        for start in range(0, len(tokens), room):
            ids = np.array(bos + tokens[start : start + room], dtype=np.int64)
            if len(ids) > 1:
                weights = np.ones(len(ids), dtype=np.float32)
                weights[0] = 0
                yield Sample(ids, weights)

    def _conversations(
        self, record: PairRecord | MessagesRecord, contexts: Sequence[str]
    ) -> Iterator[list[Message]]:
        if isinstance(record, MessagesRecord):
            yield list(record.messages)
            return
        answer = {"role": "assistant", "content": record.answer}
        if "closed_book" in self.settings.pair_forms or not record.context:
            yield [*closed_book_messages(record.question), answer]
        if "open_book" in self.settings.pair_forms and record.context:
            yield [*open_book_messages(record.question, self._passages(record, contexts)), answer]

    def _passages(self, record: PairRecord, contexts: Sequence[str]) -> list[str]:
        """The pair's own passage among distractors, at a place drawn from seed and record."""
        draw = np.random.default_rng((self.settings.seed, *record.id.encode()))
        wanted = self.settings.open_book_distractors
        # One more than wanted, because the pair's own passage may be among those drawn.
        drawn = draw.choice(len(contexts), size=min(wanted + 1, len(contexts)), replace=False)
        passages = [contexts[i] for i in drawn if contexts[i] != record.context][:wanted]
        passages.insert(int(draw.integers(len(passages) + 1)), record.context)
        return passages

    def _conversation(self, messages: list[Message]) -> Sample:
        """Loss on what the assistant says, including the token that ends its turn."""
        ids: list[int] = []
        weights: list[float] = []
        text = ""
        for turn, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            asked = chat_prompt(self.tokenizer, messages[:turn])
            answered = chat_prompt(self.tokenizer, messages[: turn + 1], generate=False)
            if not asked.startswith(text) or not answered.startswith(asked):
                raise UserError(
                    "chat_template_unsupported",
                    "The base model's chat template rewrites earlier turns; use another template.",
                    param="base_model",
                )
            # Prompt and answer are encoded apart, as they are when the model answers at work.
            prompt = encode(self.tokenizer, asked[len(text) :])
            answer = encode(self.tokenizer, answered[len(asked) :].rstrip("\n"))
            text = asked + answered[len(asked) :].rstrip("\n")
            ids += prompt + answer
            weights += [0.0] * len(prompt) + [self.settings.pair_weight] * len(answer)
        if weights:
            weights[0] = 0.0
        return Sample(
            np.array(ids, dtype=np.int64), np.array(weights, dtype=np.float32), self.settings.pair_repeats
        )


@dataclass(frozen=True)
class Batch:
    """One pack as tensors: everything (1, tokens) or over the labelled tokens only."""

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    """Starts again at 0 with every sample."""
    lengths: list[int]
    """Tokens of each sample, in order."""
    predict_from: torch.Tensor
    """Positions in the pack whose hidden state predicts a labelled token."""
    targets: torch.Tensor
    weights: torch.Tensor


def collate(samples: Sequence[Sample], device: torch.device | str = "cpu") -> Batch:
    """Pack `samples` into one row. No samples: a row of one token from which nothing is learnt."""
    if not samples:
        samples = [Sample(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32))]
    ids = np.concatenate([sample.ids for sample in samples])
    weights = np.concatenate([sample.weights for sample in samples])
    positions = np.concatenate([np.arange(len(sample)) for sample in samples])
    labelled = np.flatnonzero(weights)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    return Batch(
        input_ids=tensor(ids)[None],
        position_ids=tensor(positions)[None],
        lengths=[len(sample) for sample in samples],
        predict_from=tensor(labelled - 1),
        targets=tensor(ids[labelled]),
        weights=tensor(weights[labelled]),
    )
