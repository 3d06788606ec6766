"""Form fields that are derived from a spec, and the errors of services beside the fields that they concern."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from django import forms
from django.utils.functional import Promise
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from common.errors import KoshaError

Text = str | Promise


def spec_field(
    spec: type[BaseModel],
    name: str,
    *,
    label: Text,
    help_text: Text,
    choices: Mapping[str, Text] | None = None,
) -> forms.Field:
    """A field with the default and the limits of the spec's field `name` (int, float, str, bool or Literal).

    A `| None` in the annotation makes it optional; an empty field is None.
    """
    info = spec.model_fields[name]
    kind, is_optional = info.annotation, False
    if get_origin(kind) in (UnionType, Union):
        members = get_args(kind)
        kind = next(member for member in members if member is not type(None))
        is_optional = type(None) in members
    options: dict[str, Any] = {
        "label": label,
        "help_text": help_text,
        "required": not is_optional,
        "initial": info.default,
    }
    if get_origin(kind) is Literal:
        return forms.ChoiceField(
            choices=[(value, (choices or {}).get(value, value)) for value in get_args(kind)], **options
        )
    if kind is bool:
        return forms.BooleanField(**{**options, "required": False})
    if kind is int:
        return forms.IntegerField(**options, **_limits(info))
    if kind is float:
        # With another `step` the browser accepts only its multiples.
        return forms.FloatField(**options, **_limits(info), widget=forms.NumberInput(attrs={"step": "any"}))
    return forms.CharField(**options)


def _limits(info: FieldInfo) -> dict[str, Any]:
    """The inclusive limits; the spec itself enforces an exclusive one (`gt`)."""
    limits: dict[str, Any] = {}
    for part in info.metadata:
        if isinstance(part, annotated_types.Ge):
            limits["min_value"] = part.ge
        elif isinstance(part, annotated_types.Le):
            limits["max_value"] = part.le
    return limits


def refuse(form: forms.BaseForm, error: KoshaError, fields: Mapping[str, str] | None = None) -> None:
    """Show a service's error beside its field: `fields` maps the error's param to the form's field."""
    param = error.param or ""
    name = (fields or {}).get(param, param.rpartition(".")[2])
    form.add_error(name if name in form.fields else None, str(error.message))
