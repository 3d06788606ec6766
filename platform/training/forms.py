"""The form that starts a run: what to start from, what to learn from, and how."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from common.forms import spec_field
from curation.selectors import ready_versions
from jobs.forms import PlacementForm
from registry.models import BaseModelKind
from registry.selectors import base_model_list, model_named, model_version_list
from training.methods import HYPERPARAMETERS
from training.models import MethodType, TrainingRun
from training.planner import Plan
from training.planning import plan_run
from training.selectors import run_list
from training.words import ESSENTIAL, SCHEDULES
from workers.contract.specs.training import Hyperparameters


class TrainingForm(PlacementForm):
    model = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        help_text=gettext_lazy(
            "A base model starts from the beginning. Your own version is continued: this is faster "
            "and keeps what it has learned."
        ),
    )
    dataset_version: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Learn from"),
        queryset=None,
        empty_label=None,
        help_text=gettext_lazy("A dataset version that is ready. Its held-out records are not trained on."),
    )
    method = forms.ChoiceField(
        label=gettext_lazy("Method"),
        choices=[
            (
                MethodType.CONTINUED_PRETRAINING,
                gettext_lazy("Documents and questions (continued pre-training)"),
            ),
            (MethodType.SUPERVISED, gettext_lazy("Questions and answers only (supervised)")),
        ],
        help_text=gettext_lazy(
            "With documents the model learns their content and wording; with questions only, it "
            "learns how to answer."
        ),
    )
    suffix = forms.RegexField(
        regex=r"^[a-z0-9-]{1,40}$",
        label=gettext_lazy("Model name"),
        initial="custom",
        max_length=40,
        help_text=gettext_lazy(
            "Versions of the same name are numbered. Use small letters, digits and hyphens."
        ),
        error_messages={"invalid": gettext_lazy("Use up to 40 small letters, digits and -.")},
    )

    again = forms.CharField(required=False, widget=forms.HiddenInput)
    """The run whose settings are used again; it gives those that the form does not show, too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["model"].choices = _starting_points()  # type: ignore[attr-defined]
        self.fields["dataset_version"].queryset = ready_versions()  # type: ignore[attr-defined]
        for name, setting in HYPERPARAMETERS.items():
            self.fields[name] = spec_field(
                Hyperparameters, name, label=setting.label, help_text=setting.sentence, choices=SCHEDULES
            )

    def sections(self) -> dict[str, Any]:
        """The bound fields as the page groups them."""
        rest = [self[name] for name in HYPERPARAMETERS if name not in ESSENTIAL]
        return {
            "what": [self[name] for name in ("model", "dataset_version", "method", "suffix")],
            "essential": [self[name] for name in ESSENTIAL],
            "rest": rest,
            "rest_has_errors": any(bound.errors for bound in rest),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        given = {name: cleaned[name] for name in HYPERPARAMETERS if cleaned.get(name) is not None}
        earlier = run_list().filter(pk=cleaned.get("again") or "").first()
        unseen = (
            {k: v for k, v in earlier.hyperparameters.items() if k not in HYPERPARAMETERS} if earlier else {}
        )
        try:
            cleaned["hyperparameters"] = Hyperparameters.model_validate({**unseen, **given})
        except ValidationError as error:
            for problem in error.errors():
                name = str(problem["loc"][0]) if problem["loc"] else "tokens_per_step"
                if not self.has_error(name):
                    self.add_error(name, _message(problem))
        return cleaned

    def plan(self) -> Plan:
        """The estimate for the settings of a valid form."""
        base_model, _version = model_named(self.cleaned_data["model"], param="model")
        return plan_run(
            base_model=base_model,
            dataset_version=self.cleaned_data["dataset_version"],
            method=self.cleaned_data["method"],
            hyperparameters=self.cleaned_data["hyperparameters"],
            cluster=self.placement().cluster,
        )


def settings_of(run: TrainingRun) -> dict[str, Any]:
    """What fills the form in for the same training again."""
    return {
        "again": run.id,
        "model": (run.parent or run.base_model).name,
        "dataset_version": run.dataset_version_id,
        "method": run.method,
        "suffix": run.suffix,
        "cluster": run.job.cluster.name,
        "priority": run.job.priority,
        **{name: run.hyperparameters[name] for name in HYPERPARAMETERS if name in run.hyperparameters},
    }


def _message(problem: Any) -> str:
    if not problem["loc"]:
        return _("It must be at least the sequence length.")
    limits = problem.get("ctx", {})
    if "gt" in limits:
        return _("It must be greater than %(limit)s.") % {"limit": limits["gt"]}
    if "lt" in limits:
        return _("It must be less than %(limit)s.") % {"limit": limits["lt"]}
    return str(problem["msg"])


def _starting_points() -> list[tuple[str, list[tuple[str, str]]]]:
    bases = base_model_list().filter(kind=BaseModelKind.CAUSAL_LM).order_by("name")
    versions = model_version_list().filter(method="lora").order_by("-id")[:100]
    groups = [
        (_("Base models"), [(base.name, base.name) for base in bases]),
        (
            _("Your versions"),
            [(version.name, f"{version} ({version.base_model})") for version in versions],
        ),
    ]
    return [group for group in groups if group[1]]
