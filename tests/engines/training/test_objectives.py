"""An objective of another kind, defined here alone: preference pairs train through the unchanged loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engines.training.tiny import go, losses, make_run, pair_record, text_record, write_dataset
from workers.contract.prompts import closed_book_messages
from workers.contract.records import PairRecord
from workers.contract.specs.training import Hyperparameters, TrainingSpec
from workers.engines.shared.language_models import chat_prompt, encode, load_base_model, load_tokenizer
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.objectives import OBJECTIVES, TrainingObjective, make_objectives
from workers.engines.training.samples import PackedBatch, Sample, build_samples, collate

pytestmark = pytest.mark.ml

BETA = 0.5
Labels = list[list[tuple[torch.Tensor, torch.Tensor]]]


@dataclass(frozen=True, slots=True)
class PreferencePair(Sample):
    """A question with its preferred answer, then the same question with the rejected one."""

    preferred_length: int = 0

    @property
    def sequences(self) -> tuple[int, ...]:
        return self.preferred_length, len(self.ids) - self.preferred_length

    @property
    def total_weight(self) -> float:
        return 1.0


class Preference(TrainingObjective):
    """Direct preference optimization (Rafailov et al. 2023, equation 7); the base model is the reference.

    The rejected answer of a pair is the answer of the next one.
    """

    name = "preference"
    record_types = (PairRecord,)
    sample_type = PreferencePair

    def samples(self, records: Sequence[PairRecord]) -> Iterator[list[Sample]]:
        for record, other in zip(records, [*records[1:], *records[:1]], strict=True):
            preferred, rejected = (self._sequence(record.question, r.answer) for r in (record, other))
            ids, weights = (np.concatenate(parts) for parts in zip(preferred, rejected, strict=True))
            yield [PreferencePair(ids, weights, preferred_length=len(preferred[0]))]

    def _sequence(self, question: str, answer: str) -> tuple[np.ndarray, np.ndarray]:
        prompt = encode(self.tokenizer, chat_prompt(self.tokenizer, closed_book_messages(question)))
        answer_ids = [*encode(self.tokenizer, answer), self.tokenizer.eos_token_id]
        ids = np.array(prompt + answer_ids, dtype=np.int64)
        return ids, np.array([0.0] * len(prompt) + [1.0] * len(answer_ids), dtype=np.float32)

    def collate(
        self, samples: Sequence[PreferencePair], starts: Sequence[int], device: torch.device | str
    ) -> Labels:
        """For each pair the positions and targets of its preferred and of its rejected answer."""
        labels: Labels = []
        for sample, start in zip(samples, starts, strict=True):
            answers = np.split(np.flatnonzero(sample.weights), [self._preferred_labels(sample)])
            labels.append(
                [
                    (
                        torch.from_numpy(start + own - 1).to(device),
                        torch.from_numpy(sample.ids[own]).to(device),
                    )
                    for own in answers
                ]
            )
        return labels

    def _preferred_labels(self, sample: PreferencePair) -> int:
        return int((sample.weights[: sample.preferred_length] > 0).sum())

    def loss(
        self, model: PackedLanguageModel, batch: PackedBatch, hidden: torch.Tensor, labels: Labels
    ) -> torch.Tensor:
        with torch.no_grad(), adapters_disabled(model):
            reference = model.hidden(batch.input_ids, batch.position_ids, lengths=batch.lengths)[0]
        total = torch.zeros((), device=hidden.device)
        for preferred, rejected in labels:
            policy_margin = log_probability(model, hidden, preferred) - log_probability(
                model, hidden, rejected
            )
            with torch.no_grad():
                base_margin = log_probability(model, reference, preferred) - log_probability(
                    model, reference, rejected
                )
            total = total - torch.nn.functional.logsigmoid(BETA * (policy_margin - base_margin))
        return total


def log_probability(
    model: PackedLanguageModel, hidden: torch.Tensor, answer: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    positions, targets = answer
    ones = torch.ones(len(targets), device=hidden.device)
    return -model.cross_entropy(hidden.index_select(0, positions), targets, ones)


@contextmanager
def adapters_disabled(model: torch.nn.Module) -> Iterator[None]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    yield
    for layer in layers:
        layer.enable_adapters(True)


def margins(base: Path, adapter: Path | None, pairs: list[PairRecord]) -> list[float]:
    """For each pair: log-probability of the preferred answer minus that of the rejected one."""
    from peft import PeftModel

    loaded: Any = load_base_model(base, torch.float32)
    if adapter is not None:
        PeftModel.from_pretrained(loaded, adapter)
    model = PackedLanguageModel(loaded).eval()
    objective = Preference(load_tokenizer(base), Hyperparameters())
    found = []
    with torch.no_grad():
        for (sample,) in objective.samples(pairs):
            batch = collate([sample], [objective])
            hidden = model.hidden(batch.input_ids, batch.position_ids, lengths=batch.lengths)[0]
            ((preferred, rejected),) = batch.labels[0][1]
            margin = log_probability(model, hidden, preferred) - log_probability(model, hidden, rejected)
            found.append(float(margin))
    return found


def test_preference_pairs_train_through_the_unchanged_loop(
    make_spec: Callable[..., TrainingSpec], llama: Path, tmp_path: Path
) -> None:
    pairs = [pair_record(number) for number in range(8)]
    heldout = [pair_record(number, split="heldout") for number in (20, 21)]
    whole = {
        "method": "lora",
        "objectives": ("preference",),
        "record_files": (write_dataset(tmp_path / "pairs", [*pairs, text_record(1), *heldout]),),
    }
    spec = make_spec(spec=whole, epochs=6, lora_rank=4, learning_rate=1e-2, tokens_per_step=512)
    result = go(make_run(tmp_path / "run"), spec)

    measured = list(losses(tmp_path / "run").values())
    # A fresh adapter changes nothing, so both models agree at first.
    assert measured[0] == pytest.approx(math.log(2), abs=1e-4)
    assert measured[-1] < 0.5 * measured[0]
    assert result.records == {"pair": 8, "too_long": 0}
    assert result.heldout_loss is not None
    before = margins(llama, None, pairs)
    after = margins(llama, tmp_path / "run" / "output" / "adapter", pairs)
    assert all(trained > untrained for trained, untrained in zip(after, before, strict=True))


def test_objectives_with_different_losses_share_a_pack(llama: Path) -> None:
    settings = Hyperparameters(sequence_length=512, pair_forms=("closed_book",))
    tokenizer = load_tokenizer(llama)
    objectives = make_objectives(("continued_pretraining", "supervised", "preference"), tokenizer, settings)
    records = [text_record(1), pair_record(1), text_record(2), pair_record(2)]
    samples = build_samples(records, objectives, settings.sequence_length).samples
    kinds = [type(sample) for sample in samples]
    assert kinds == [Sample, Sample, PreferencePair, Sample, Sample, PreferencePair]

    model = PackedLanguageModel(load_base_model(llama, torch.float32))

    def loss(kind: type[Sample]) -> float:
        return float(model(collate([s for s in samples if isinstance(s, kind)], objectives)))

    preference = loss(PreferencePair)
    next_token = float(model(collate([s for s in samples if type(s) is Sample], objectives)))
    assert preference == pytest.approx(2 * math.log(2), abs=1e-4)
    assert loss(Sample) == pytest.approx(preference + next_token, rel=1e-5)


def test_every_file_of_the_folder_is_registered() -> None:
    import workers.engines.training.objectives as package

    files = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert files - {"__init__", "base", "next_token"} <= OBJECTIVES.keys()
