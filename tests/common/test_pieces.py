"""Ids, digests, storable texts and the places of fields in bodies."""

from __future__ import annotations

import pytest

from common.digests import value_digest
from common.errors import InvalidCharacters, InvalidNumber
from common.ids import is_id, new_id
from common.text import refuse_unstorable, storable
from common.wire import field_place


def test_ids_increase_within_a_millisecond():
    made = [new_id("x_") for _ in range(5000)]
    assert made == sorted(set(made))
    assert all(is_id(id, "x_") for id in made)


@pytest.mark.parametrize("text", ["", "x_", "x_1", "y_" + "0" * 26, "x_" + "0" * 25 + "u", "x_" + "0" * 27])
def test_recognises_malformed_ids(text):
    assert not is_id(text, "x_")


def test_equal_values_have_equal_digests():
    assert value_digest({"a": 1, "b": [2]}) == value_digest({"b": [2], "a": 1})
    assert value_digest([1]) != value_digest(["1"])


def test_recognises_texts_that_cannot_be_stored():
    assert storable("𠮷野家🍣\n") and not storable("a\x00") and not storable("\ud800")


@pytest.mark.parametrize(
    ("value", "error", "place"),
    [
        ({"a": [{"b": "\x00"}]}, InvalidCharacters, "a.0.b"),
        ({"a": float("inf")}, InvalidNumber, "a"),
        ([1, ["x", "\ud800"]], InvalidCharacters, "1.1"),
        ({"a": {"b\x00": 1}}, InvalidCharacters, "a"),
        ("\x00", InvalidCharacters, None),
    ],
)
def test_locates_and_names_what_cannot_be_stored(value, error, place):
    with pytest.raises(error) as refused:
        refuse_unstorable(value)
    assert refused.value.param == place


def test_passes_what_can_be_stored():
    refuse_unstorable({"a": "x", "b": None, "c": True, "d": [1.5, {}]})


def test_field_place_leaves_out_names_of_union_branches():
    body = {"steps": [{"type": "segment", "max_characters": 1}]}
    assert field_place(["steps", 0, "segment", "max_characters"], body) == "steps.0.max_characters"
    assert field_place(["steps", 0, "segment", "absent"], body) == "steps.0.absent"
    assert field_place(["input", "list[str]", 1], {"input": ["a", 1]}) == "input.1"
