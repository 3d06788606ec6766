"""The model in training: a pack goes in, the sum of its samples' losses comes out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import torch

from workers.engines.shared.runtime import EngineFault, UserError
from workers.engines.training.attention import use_packed_attention
from workers.engines.training.loss import LogitShape, chunked_cross_entropy
from workers.engines.training.samples import PackedBatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PackedLanguageModel(torch.nn.Module):
    """A causal language model (with or without adapter layers inside) reading packed documents.

    The decoder and the output layer are called separately, so that logits are computed for the labelled
    tokens only. `_verify_head` checks that the result is what the model itself would compute.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.shape = LogitShape.of(model.config.get_text_config())
        self._verify_head()
        use_packed_attention(model)

    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """The sum of the losses of the pack's samples, as their objectives compute them (float32 scalar)."""
        hidden = self.hidden(batch.input_ids, batch.position_ids, lengths=batch.lengths)
        if not batch.labels:
            return hidden.sum().float() * 0
        losses = [objective.loss(self, batch, hidden[0], labels) for objective, labels in batch.labels]
        return functools.reduce(torch.add, losses)

    def cross_entropy(
        self, hidden: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Sum over tokens of weight × cross-entropy; `hidden` (tokens, width) predict `targets` (tokens,)."""
        return chunked_cross_entropy(hidden, self.head().weight, targets, weights, self.shape)

    def hidden(self, input_ids: torch.Tensor, position_ids: torch.Tensor, **extra: object) -> torch.Tensor:
        """Hidden states (batch, tokens, width) after the last norm."""
        decoder = self.model.get_decoder()
        answer = decoder(input_ids=input_ids, position_ids=position_ids, use_cache=False, **extra)
        return answer.last_hidden_state

    def head(self) -> torch.nn.Linear:
        return self.model.get_output_embeddings()

    @torch.no_grad()
    def _verify_head(self) -> None:
        """Compare our loss with the model's own on a few tokens, in the dtype it runs in."""
        head = self.head()
        if type(head) is not torch.nn.Linear or head.bias is not None:
            raise UserError(
                "target_modules",
                "The output layer cannot be adapted.",
                param="hyperparameters.target_modules",
                reason="output_layer",
            )
        self.model.eval()
        input_ids = torch.arange(1, 9, device=head.weight.device)[None]
        positions = torch.arange(8, device=head.weight.device)[None]
        theirs = self.model(input_ids=input_ids, position_ids=positions, use_cache=False).logits[0].float()
        weights = torch.ones(8, device=head.weight.device)
        hidden = self.hidden(input_ids, positions)[0]
        ours = chunked_cross_entropy(hidden, head.weight, input_ids[0], weights, self.shape)
        expected = torch.nn.functional.cross_entropy(theirs, input_ids[0], reduction="sum")
        if not torch.allclose(ours, expected, rtol=1e-3 if head.weight.dtype == torch.float32 else 2e-2):
            raise EngineFault(
                "architecture_not_supported",
                f"{type(self.model).__name__} computes its logits in a way that training does not know.",
                architecture=type(self.model).__name__,
            )
