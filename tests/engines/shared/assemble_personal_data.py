"""Turns the marked files of a set's source/ into its tune.jsonl and check.jsonl, and checks them.

A mark is `[[letter:value]]` (KINDS). In numbers `?` stands for the check digit, which is computed here.
`[[!letter:value]]` writes a look-alike of the kind and no span, a number with its right check digit;
`[[~letter:value]]` writes a number with a wrong check digit and no span. The letter `x` marks look-alikes of
no one kind. Run it from any folder: `python assemble_personal_data.py personal_data_third`.
"""

import hashlib
import json
import random
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEED = 20261130
KINDS = {
    "n": "name",
    "e": "email",
    "p": "phone",
    "m": "my_number",
    "c": "corporate_number",
    "k": "credit_card",
    "b": "bank_account",
    "d": "birth_date",
    "a": "postal_address",
    "s": "secret",
}
MARK = re.compile(r"\[\[([!~]?)([nepmckbdasx]):(.*?)\]\]", re.DOTALL)
LENGTHS = {"m": {12}, "c": {13}, "k": {14, 15, 16}}
"""How many digits a number with a check digit has."""
COLUMNS = {"csv", "table", "form", "json", "yaml"}
"""Kinds of text whose names stand in a named column or field."""


@dataclass(frozen=True)
class Promise:
    """The least counts of a set, as its README states them."""

    of_a_kind: int
    names: int
    texts_without: int
    names_in_prose: int = 0
    names_in_columns: int = 0
    look_alikes_to_a_span: float = 0


PROMISES = {
    "personal_data_blind": Promise(of_a_kind=100, names=300, texts_without=250),
    "personal_data_third": Promise(
        of_a_kind=120,
        names=1000,
        texts_without=60,
        names_in_prose=320,
        names_in_columns=120,
        look_alikes_to_a_span=1,
    ),
}


def my_number_digit(digits: list[int]) -> int:
    """Returns the check digit that follows the eleven digits of an individual's number."""
    weights = [n + 1 if n <= 6 else n - 5 for n in range(11, 0, -1)]
    rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return 0 if rest <= 1 else 11 - rest


def corporate_digit(digits: list[int]) -> int:
    """Returns the check digit that stands before the twelve digits of a corporate number."""
    return 9 - sum(digit * (1 + n % 2) for n, digit in enumerate(reversed(digits))) % 9


def luhn_digit(digits: list[int]) -> int:
    """Returns the last digit of a card number."""
    doubled = [digit * 2 if n % 2 == 0 else digit for n, digit in enumerate(reversed(digits))]
    return -sum(value - 9 if value > 9 else value for value in doubled) % 10


DIGIT = {"m": my_number_digit, "c": corporate_digit, "k": luhn_digit}


def with_check_digit(letter: str, value: str, wrong: bool = False) -> str:
    """Puts the check digit in the place of `?`, as wide as the digits beside it."""
    known = [int(char) for char in unicodedata.normalize("NFKC", value) if char.isdigit()]
    digit = DIGIT[letter](known)
    # A corporate number's check digit runs from 1 to 9; 0 would be wrong for another reason.
    digit = digit % 9 + 1 if wrong else digit
    wide = any("\uff10" <= char <= "\uff19" for char in value)
    return re.sub("[?\uff1f]", chr(0xFF10 + digit) if wide else str(digit), value)


def is_right(letter: str, value: str) -> bool:
    """Whether a number has the digits of its kind and the right check digit."""
    digits = [int(char) for char in unicodedata.normalize("NFKC", value) if char.isdigit()]
    check, known = (digits[0], digits[1:]) if letter == "c" else (digits[-1], digits[:-1])
    return len(digits) in LENGTHS[letter] and DIGIT[letter](known) == check


def number(sign: str, letter: str, value: str) -> str:
    """Returns the number of a mark with its check digit; refuses one that is not what the mark says."""
    if "?" in value or "\uff1f" in value:
        value = with_check_digit(letter, value, sign == "~")
    assert is_right(letter, value) == (sign != "~"), (sign, letter, value)
    return value


def unmarked(source: str) -> tuple[str, list[dict[str, Any]], int]:
    """Returns the text without marks, its spans, [start, end) in Python's string indexes, and how many
    look-alikes are marked in it."""
    text, spans, look_alikes, last = "", [], 0, 0
    for mark in MARK.finditer(source):
        sign, letter, value = mark.groups()
        text += source[last : mark.start()]
        value = number(sign, letter, value) if letter in LENGTHS else value
        if not sign:
            spans.append({"start": len(text), "end": len(text) + len(value), "kind": KINDS[letter]})
        look_alikes += bool(sign)
        text, last = text + value, mark.end()
    return text + source[last:], spans, look_alikes


def records(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Returns every record of the source files and the marked look-alikes; an id stays as long as its text."""
    found, look_alikes = [], 0
    initial = folder.name.removeprefix("personal_data_")[0]
    for path in sorted((folder / "source").glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("@@@ ")[1:]:
            kind_of_text, _, body = block.partition("\n")
            text, spans, marked = unmarked(body.rstrip("\n"))
            identity = f"{initial}-" + hashlib.sha256(text.encode()).hexdigest()[:10]
            found.append({"id": identity, "text": text, "spans": spans, "kind_of_text": kind_of_text.strip()})
            look_alikes += marked
    return found, look_alikes


def halves(found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Deals each kind of text, with and without spans apart, at random to tune and check."""
    groups, dice = defaultdict(list), random.Random(SEED)
    for record in found:
        groups[record["kind_of_text"], bool(record["spans"])].append(record)
    tune: list[dict[str, Any]] = []
    check: list[dict[str, Any]] = []
    for key in sorted(groups):
        group = sorted(groups[key], key=lambda record: record["id"])
        dice.shuffle(group)
        smaller, larger = sorted((tune, check), key=len)
        middle = (len(group) + 1) // 2
        smaller.extend(group[:middle])
        larger.extend(group[middle:])
    return tune, check


def counts(found: list[dict[str, Any]]) -> Counter[str]:
    return Counter(span["kind"] for record in found for span in record["spans"])


def names(found: list[dict[str, Any]], kinds_of_text: set[str]) -> int:
    return counts([record for record in found if record["kind_of_text"] in kinds_of_text])["name"]


def validate(found: list[dict[str, Any]], look_alikes: int, promise: Promise) -> None:
    """Refuses spans out of range or over one another, doubled texts and counts below the promise."""
    for record in found:
        text, end = record["text"], 0
        assert text.strip() and not MARK.search(text) and "[[" not in text.replace("[[ ", ""), text
        for span in record["spans"]:
            assert end <= span["start"] < span["end"] <= len(text), record
            assert text[span["start"] : span["end"]].strip() == text[span["start"] : span["end"]], record
            end = span["end"]
    assert len({record["text"] for record in found}) == len({record["id"] for record in found}) == len(found)
    of_kind = counts(found)
    assert all(of_kind[kind] >= promise.of_a_kind for kind in KINDS.values()), of_kind
    assert of_kind["name"] >= promise.names, of_kind
    assert names(found, {"prose"}) >= promise.names_in_prose, names(found, {"prose"})
    assert names(found, COLUMNS) >= promise.names_in_columns, names(found, COLUMNS)
    assert sum(not record["spans"] for record in found) >= promise.texts_without
    assert look_alikes >= promise.look_alikes_to_a_span * of_kind.total(), (look_alikes, of_kind.total())


def as_lines(rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda row: row["id"])
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ordered)


def assembled(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Returns the tune half, the check half and the count of marked look-alikes, all checked."""
    found, look_alikes = records(folder)
    validate(found, look_alikes, PROMISES[folder.name])
    return *halves(found), look_alikes


def main(name: str) -> None:
    tune, check, look_alikes = assembled(HERE / name)
    print(look_alikes, "marked look-alikes")
    for part, half in (("tune", tune), ("check", check)):
        (HERE / name / f"{part}.jsonl").write_text(as_lines(half), encoding="utf-8", newline="\n")
        without = sum(not record["spans"] for record in half)
        print(part, len(half), "texts,", without, "without spans,", dict(counts(half)))
        print("  names in prose", names(half, {"prose"}), "in columns", names(half, COLUMNS))


if __name__ == "__main__":
    main(sys.argv[1])
