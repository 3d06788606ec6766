"""Hyperparameters in people's words: a name, and the sentence of the spec where gettext finds it.

A test compares the sentences with the docstrings of `workers.contract.specs.training.Hyperparameters`.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Word(NamedTuple):
    label: str | Promise
    sentence: str | Promise


HYPERPARAMETERS: dict[str, Word] = {
    "epochs": Word(_("Passes over the data"), _("How often every record is seen.")),
    "learning_rate": Word(
        _("Learning rate"),
        _("The highest learning rate, reached after the warm-up. LoRA: about 2e-4; full: about 2e-5."),
    ),
    "lora_rank": Word(
        _("LoRA rank"), _("LoRA only: the width of the adapter; more remembers more and costs more.")
    ),
    "max_steps": Word(
        _("Most steps"), _("Stop after this many steps even where the epochs would need more.")
    ),
    "sequence_length": Word(
        _("Sequence length"),
        _("Longest piece of text, in tokens, that the model sees at once. Longer documents are cut."),
    ),
    "tokens_per_step": Word(
        _("Tokens per step"),
        _("Tokens between two updates of the weights, over all processes together."),
    ),
    "schedule": Word(
        _("Learning rate schedule"),
        _("How the learning rate falls after the warm-up: to zero along a cosine or a line, or not at all."),
    ),
    "warmup_share": Word(
        _("Warm-up share"), _("The share of all steps over which the learning rate rises from zero.")
    ),
    "weight_decay": Word(
        _("Weight decay"), _("How strongly weights are pulled towards zero at each step (AdamW).")
    ),
    "max_grad_norm": Word(
        _("Longest gradient"),
        _("Gradients longer than this are shortened to it, which keeps single odd records harmless."),
    ),
    "lora_alpha": Word(
        _("LoRA alpha"), _("LoRA only: the adapter's strength is this number divided by the rank.")
    ),
    "lora_dropout": Word(
        _("LoRA dropout"), _("LoRA only: the share of the adapter's input that is left out at random.")
    ),
    "pair_repeats": Word(
        _("Repeats of questions"), _("How often a question-and-answer pair is seen in each epoch.")
    ),
    "pair_weight": Word(
        _("Weight of answers"),
        _("The weight of an answer's token in the loss, beside 1 for a token of running text."),
    ),
    "open_book_distractors": Word(
        _("Distracting passages"),
        _("How many passages of other questions are mixed in, so that the model learns to choose."),
    ),
    "seed": Word(_("Seed"), _("The same seed, data and settings give the same model on the same machine.")),
}
"""In the form's order. `target_modules` and `pair_forms` keep their defaults in the console."""

ESSENTIAL = ("epochs", "learning_rate", "lora_rank", "max_steps")
"""What a person may want to change; the rest is shown on demand."""

SCHEDULES = {"cosine": _("along a cosine"), "linear": _("along a line"), "constant": _("not at all")}
