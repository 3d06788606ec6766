"""Turns the marked files of source/ into tune.jsonl and check.jsonl, and checks them.

A mark is `[[letter:value]]` (KINDS). In numbers `?` stands for the check digit, which is computed here.
`[[!letter:value]]` writes a number with its right check digit and no span, `[[~letter:value]]` one with a
wrong check digit and no span: both are look-alikes. Run it from any folder: `python assemble.py`.
"""

import hashlib
import json
import random
import re
import unicodedata
from collections import Counter, defaultdict
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
MARK = re.compile(r"\[\[([!~]?)([nepmckbdas]):(.*?)\]\]", re.DOTALL)
CHECKED = "mck"
LEAST_OF_A_KIND, LEAST_NAMES, LEAST_LOOK_ALIKES = 100, 300, 250


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


def unmarked(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Returns the text without marks and its spans, [start, end) in Python's string indexes."""
    text, spans, last = "", [], 0
    for mark in MARK.finditer(source):
        sign, letter, value = mark.groups()
        text += source[last : mark.start()]
        value = with_check_digit(letter, value, sign == "~") if letter in CHECKED else value
        if not sign:
            spans.append({"start": len(text), "end": len(text) + len(value), "kind": KINDS[letter]})
        text, last = text + value, mark.end()
    return text + source[last:], spans


def records() -> list[dict[str, Any]]:
    """Returns every record of the source files; the id stays as long as the text stays."""
    found = []
    for path in sorted((HERE / "source").glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("@@@ ")[1:]:
            kind_of_text, _, body = block.partition("\n")
            text, spans = unmarked(body.rstrip("\n"))
            identity = "b-" + hashlib.sha256(text.encode()).hexdigest()[:10]
            found.append({"id": identity, "text": text, "spans": spans, "kind_of_text": kind_of_text.strip()})
    return found


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


def validate(found: list[dict[str, Any]]) -> None:
    """Refuses spans out of range or over one another, doubled texts and counts below the promise."""
    for record in found:
        text, end = record["text"], 0
        assert text.strip() and not MARK.search(text) and "[[" not in text.replace("[[ ", ""), text
        for span in record["spans"]:
            assert end <= span["start"] < span["end"] <= len(text), record
            assert text[span["start"] : span["end"]].strip() == text[span["start"] : span["end"]], record
            end = span["end"]
    assert len({record["text"] for record in found}) == len({record["id"] for record in found}) == len(found)
    number = counts(found)
    assert all(number[kind] >= LEAST_OF_A_KIND for kind in KINDS.values()), number
    assert number["name"] >= LEAST_NAMES, number
    assert sum(not record["spans"] for record in found) >= LEAST_LOOK_ALIKES


def write(name: str, rows: list[dict[str, Any]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in sorted(rows, key=lambda row: row["id"])]
    (HERE / name).write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    found = records()
    validate(found)
    tune, check = halves(found)
    write("tune.jsonl", tune)
    write("check.jsonl", check)
    for name, half in (("all", found), ("tune", tune), ("check", check)):
        without = sum(not record["spans"] for record in half)
        print(name, len(half), "texts,", without, "without spans,", dict(counts(half)))


if __name__ == "__main__":
    main()
