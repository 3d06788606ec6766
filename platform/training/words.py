"""Hyperparameters on screen: a label, and the sentence of the spec where gettext finds it.

A test compares the sentences with the docstrings of `workers.contract.specs.training.Hyperparameters`.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Setting(NamedTuple):
    label: str | Promise
    sentence: str | Promise


GENERAL: dict[str, Setting] = {
    "epochs": Setting(_("Epochs"), _("How often every record is seen.")),
    "learning_rate": Setting(
        _("Learning rate"),
        _("The highest learning rate, reached after the warm-up. LoRA: about 2e-4; full: about 2e-5."),
    ),
    "lora_rank": Setting(
        _("LoRA rank"), _("LoRA only: the width of the adapter; more remembers more and costs more.")
    ),
    "max_steps": Setting(
        _("Max steps"), _("Stop after this many steps even where the epochs would need more.")
    ),
    "sequence_length": Setting(
        _("Sequence length"),
        _("Longest piece of text, in tokens, that the model sees at once. Longer documents are cut."),
    ),
    "tokens_per_step": Setting(
        _("Tokens per step"),
        _("Tokens between two updates of the weights, over all processes together."),
    ),
    "schedule": Setting(
        _("Learning rate decay"),
        _("How the learning rate falls after the warm-up: to zero along a cosine or a line, or not at all."),
    ),
    "warmup_share": Setting(
        _("Warm-up share"), _("The share of all steps over which the learning rate rises from zero.")
    ),
    "weight_decay": Setting(
        _("Weight decay"), _("How strongly weights are pulled towards zero at each step (AdamW).")
    ),
    "max_grad_norm": Setting(
        _("Gradient clipping"),
        _("Gradients with a larger norm are scaled down to it, so that single odd records do little harm."),
    ),
    "lora_alpha": Setting(
        _("LoRA alpha"), _("LoRA only: the adapter's strength is this number divided by the rank.")
    ),
    "lora_dropout": Setting(
        _("LoRA dropout"), _("LoRA only: the share of the adapter's input that is left out at random.")
    ),
    "seed": Setting(
        _("Random seed"), _("The same seed, data and settings give the same model on the same machine.")
    ),
}
"""What every objective uses, in the form's order. The console does not show `target_modules`."""

ESSENTIAL = ("epochs", "learning_rate", "lora_rank", "max_steps")
"""Shown at once; the other settings are shown on demand."""

SCHEDULES = {"cosine": _("Cosine"), "linear": _("Linear"), "constant": _("Constant")}
