"""The forms of the release pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.forms import spec_field
from evaluations.selectors import named_suites
from registry.models import BaseModelKind
from registry.selectors import base_model_list
from releases.labels import GENERATION
from releases.models import Release
from releases.policy import policy_current
from releases.selectors import releasable_versions
from releases.services import GenerationSettings
from retrieval.models import KnowledgeBase
from retrieval.selectors import knowledge_base_list

ALIAS = r"^[a-z0-9][a-z0-9-]{0,39}$"


class KnowledgeChoice(forms.ModelChoiceField):
    def label_from_instance(self, base: KnowledgeBase) -> str:  # type: ignore[override]
        return str(base) if base.current_build_id else _("%(name)s (no finished index yet)") % {"name": base}


class ReleaseForm(forms.Form):
    model = forms.ChoiceField(
        label=gettext_lazy("Model"),
        help_text=gettext_lazy(
            "A model version can be released once it has passed its gate. A base model needs no evaluation."
        ),
    )
    knowledge = KnowledgeChoice(
        label=gettext_lazy("Knowledge base"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("None: answers without sources"),
        help_text=gettext_lazy(
            "Its newest finished index becomes part of the release. Answers are based on it and cite it."
        ),
    )
    system_prompt = forms.CharField(
        label=gettext_lazy("System prompt"),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy("Sent to the model before every conversation: its role, tone and limits."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("What is new, for the person who approves it."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.releasable = releasable_versions()
        self.policy = policy_current()
        bases = base_model_list().filter(kind=BaseModelKind.CAUSAL_LM)
        self.base_choices = [(base.name, base.name) for base in bases.order_by("name")]
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            *((one.version.name, str(one.version)) for one in self.releasable if one.passed),
            *self.base_choices,
        ]
        offered = knowledge_base_list().order_by("-id")
        self.fields["knowledge"].queryset = offered  # type: ignore[attr-defined]
        self.initial.setdefault("knowledge", offered.exclude(current_build=None).first())
        if choices := self.fields["model"].choices:  # type: ignore[attr-defined]
            self.initial.setdefault("model", choices[0][0])
        for name, (label, sentence) in GENERATION.items():
            self.fields[name] = spec_field(GenerationSettings, name, label=label, help_text=sentence)

    def clean_knowledge(self) -> KnowledgeBase | None:
        chosen: KnowledgeBase | None = self.cleaned_data["knowledge"]
        if chosen is not None and chosen.current_build_id is None:
            raise forms.ValidationError(
                _("This knowledge base has no finished index yet. Try again when it is completed.")
            )
        return chosen

    def answers(self) -> list[forms.BoundField]:
        return [self[name] for name in GENERATION]

    @property
    def answers_have_errors(self) -> bool:
        return any(bound.errors for bound in self.answers())

    def generation(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in GENERATION}


def settings_of(release: Release) -> dict[str, Any]:
    """What fills the form in for a release like this one, with the newest index of its knowledge base."""
    return {
        "model": release.model_version.name if release.model_version else release.base_model.name,
        "knowledge": release.index_build.knowledge_base_id if release.index_build else None,
        "system_prompt": release.system_prompt,
        **{name: release.generation[name] for name in GENERATION if name in release.generation},
    }


class PolicyForm(forms.Form):
    suite: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Suite"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("Default suite"),
        help_text=gettext_lazy(
            "A model version is released only if its newest verdict of this suite is passed."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["suite"].queryset = named_suites()  # type: ignore[attr-defined]


class PublishForm(forms.Form):
    alias = forms.RegexField(
        regex=ALIAS,
        label=gettext_lazy("Alias"),
        initial="production",
        max_length=40,
        help_text=gettext_lazy("The name people and programs ask for, for example production or staging."),
        error_messages={"invalid": gettext_lazy("Use small letters, digits and -.")},
    )
