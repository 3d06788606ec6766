"""Continued pre-training: every token of running text is learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from workers.contract.records import TextRecord
from workers.engines.shared.language_models import encode_document
from workers.engines.training.objectives.next_token import NextTokenObjective
from workers.engines.training.samples import Sample


class ContinuedPretraining(NextTokenObjective):
    name = "continued_pretraining"
    record_types = (TextRecord,)

    def samples(self, records: Sequence[TextRecord]) -> Iterator[list[Sample]]:
        """A text is cut where it is longer than the sequence length. Only its last piece ends with eos."""
        for record in records:
            document = encode_document(self.tokenizer, record.text)
            bos = document[:1] if document[:1] == [self.tokenizer.bos_token_id] else []
            tokens = document[len(bos) :]
            if self.tokenizer.eos_token_id is not None:
                tokens.append(self.tokenizer.eos_token_id)
            length = self.settings.sequence_length - len(bos)
            pieces = []
            for start in range(0, len(tokens), length):
                ids = np.array(bos + tokens[start : start + length], dtype=np.int64)
                if len(ids) > 1:
                    weights = np.ones(len(ids), dtype=np.float32)
                    weights[0] = 0
                    pieces.append(Sample(ids, weights))
            yield pieces
