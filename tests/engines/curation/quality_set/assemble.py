"""Turns the files of source/ into tune.jsonl, check.jsonl and pairs.jsonl, and checks them.

Run it from any folder: `python assemble.py`. README.md says what the set is for and who may read which file.
"""

import base64
import hashlib
import json
import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20261130
PAGE_KINDS = {"p": "page", "s": "section", "h": "sheet", "d": "slide"}
HARD_KINDS = {
    "abbreviations", "address_list", "code", "english_mixed", "form_header", "formula_list", "kana_notice",
    "legal_enumeration", "markdown_table", "near_same_sentences", "old_kanji", "part_numbers", "pipe_table",
    "price_list", "short_faq", "short_steps",
}  # fmt: skip
# (bytes written as, bytes read as); the damage that office files really carry.
WRONG_READINGS = {
    "utf8-as-cp932": ("utf-8", "cp932"),
    "utf8-as-latin1": ("utf-8", "latin-1"),
    "utf8-as-cp1252": ("utf-8", "cp1252"),
    "sjis-as-latin1": ("cp932", "latin-1"),
    "sjis-as-utf8": ("cp932", "utf-8"),
    "euc-as-cp932": ("euc_jp", "cp932"),
    "euc-as-latin1": ("euc_jp", "latin-1"),
}


def blocks(path: Path) -> Iterator[tuple[list[str], str]]:
    """Yields the header's fields and the body of each block of a source file."""
    for block in path.read_text(encoding="utf-8").split("@@@ ")[1:]:
        header, _, body = block.partition("\n")
        yield [field.strip() for field in header.split("|")], body.rstrip("\n")


def misread(body: str, how: str) -> str:
    """Writes the text in one encoding and reads it in another, as a wrong import does."""
    written, read = WRONG_READINGS[how]
    return body.encode(written).decode(read, errors="replace")


def half_broken(body: str) -> str:
    """Misreads every second line."""
    lines = body.split("\n")
    return "\n".join(misread(line, "utf8-as-cp932") if n % 2 else line for n, line in enumerate(lines))


def private_use(body: str) -> str:
    """Moves every letter to the private use area, as a PDF font without a character map does."""
    return "".join(c if c.isspace() else chr(0xE000 + ord(c) % 0x1800) for c in body)


def random_bytes(lines: int, width: int, dice: random.Random) -> list[bytes]:
    return [dice.randbytes(width) for _ in range(lines)]


def blob(how: str, dice: random.Random) -> str:
    """Returns an encoded block of random bytes; `how` ends in its number of lines."""
    name, _, lines = how.rpartition("-")
    rows = random_bytes(int(lines), 16 if name == "hexdump" else 57, dice)
    if name == "hexdump":
        return "\n".join(f"{n * 16:08x}  {row.hex(' ')}" for n, row in enumerate(rows))
    text = [base64.b64encode(row).decode() for row in rows]
    return "data:image/png;base64," + "".join(text) if name == "datauri" else "\n".join(text)


def log_lines(body: str, count: int, dice: random.Random) -> str:
    """Goes round the sample lines until `count` lines stand, with times that go on and numbers that vary."""
    samples, seconds, lines = body.split("\n"), 0, []
    for n in range(count):
        seconds += dice.randint(1, 40)
        hour, rest = divmod(seconds, 3600)
        clock = f"{hour:02}:{rest // 60:02}:{rest % 60:02}"
        line = samples[n % len(samples)].replace("%T", f"2026-10-21 {clock}")
        line = line.replace("%A", f"21/Oct/2026:{clock} +0900")
        while "%N" in line:
            line = line.replace("%N", str(dice.randint(10, 99)), 1)
        lines.append(line)
    return "\n".join(lines)


def carried_out(body: str, directive: str, dice: random.Random) -> str:
    """Applies the fourth field of a header: `via=HOW`, `repeat=N` or `log=N`."""
    name, _, value = directive.partition("=")
    if name == "repeat":
        return "\n".join([body] * int(value))
    if name == "log":
        return log_lines(body, int(value), dice)
    ways: dict[str, Callable[[str], str]] = {
        "half": half_broken,
        "pua": private_use,
        "double": lambda text: misread(misread(text, "utf8-as-latin1"), "utf8-as-latin1"),
    }
    if value in ways:
        return ways[value](body)
    return misread(body, value) if value in WRONG_READINGS else blob(value, dice)


def identity(prefix: str, *texts: str) -> str:
    """Returns an id that stays as long as the text stays, and does not tell the label."""
    return prefix + hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


def records() -> list[dict[str, str]]:
    """Returns every record of good_*.txt and noise_*.txt."""
    found, dice = [], random.Random(SEED)
    for path in sorted((HERE / "source").glob("*_*.txt")):
        label = path.name.split("_")[0]
        for (kind, page_kind, reason, *directive), body in blocks(path):
            text = carried_out(body, directive[0], dice) if directive else body
            found.append(
                {
                    "id": identity("q-", text),
                    "kind": kind,
                    "label": label,
                    "reason": reason,
                    "page_kind": PAGE_KINDS[page_kind],
                    "text": text,
                }
            )
    return found


def pairs() -> list[dict[str, str]]:
    """Returns every pair of pairs.txt, each told its half; a third header field `nfd` decomposes `b`."""
    found = []
    for (label, reason, *directive), body in blocks(HERE / "source" / "pairs.txt"):
        a, b = body.split("\n---\n")
        b = unicodedata.normalize("NFD", b) if directive == ["nfd"] else b
        found.append({"id": identity("p-", a, b), "label": label, "reason": reason, "a": a, "b": b})
    dice = random.Random(SEED)
    for label in ("same", "different"):
        group = sorted((pair for pair in found if pair["label"] == label), key=lambda pair: pair["id"])
        dice.shuffle(group)
        for n, pair in enumerate(group):
            pair["half"] = ("tune", "check")[n % 2]
    return found


def halves(found: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Deals each kind at random to tune and check; a kind's odd record goes to the smaller half."""
    by_kind, dice = defaultdict(list), random.Random(SEED)
    for record in found:
        by_kind[record["label"], record["kind"]].append(record)
    tune: list[dict[str, str]] = []
    check: list[dict[str, str]] = []
    for key in sorted(by_kind):
        group = sorted(by_kind[key], key=lambda record: record["id"])
        dice.shuffle(group)
        smaller, larger = sorted((tune, check), key=len)
        middle = (len(group) + 1) // 2
        smaller.extend(group[:middle])
        larger.extend(group[middle:])
    return tune, check


def validate(found: list[dict[str, str]], twins: list[dict[str, str]]) -> None:
    """Refuses a set that misses the counts promised in README.md or holds a text twice."""
    labels = Counter(record["label"] for record in found)
    hard = sum(record["label"] == "good" and record["kind"] in HARD_KINDS for record in found)
    assert labels["good"] >= 320 and labels["noise"] >= 180 and hard >= 80, (labels, hard)
    assert all(record["text"].strip() for record in found)
    texts = Counter(record["text"] for record in found)
    assert max(texts.values()) == 1, [text for text, n in texts.items() if n > 1]
    assert len({record["id"] for record in found}) == len(found)
    sides = Counter(pair["label"] for pair in twins)
    assert sides["same"] >= 20 and sides["different"] >= 20 and sum(sides.values()) == len(twins), sides
    assert all(pair["a"] != pair["b"] for pair in twins), [p["reason"] for p in twins if p["a"] == p["b"]]
    assert len({pair["id"] for pair in twins}) == len(twins)


def write(name: str, rows: list[dict[str, str]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in sorted(rows, key=lambda row: row["id"])]
    (HERE / name).write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    found, twins = records(), pairs()
    validate(found, twins)
    tune, check = halves(found)
    write("tune.jsonl", tune)
    write("check.jsonl", check)
    write("pairs.jsonl", twins)
    for name, half in (("tune", tune), ("check", check)):
        print(name, Counter(record["label"] for record in half))
    print("pairs", Counter((pair["half"], pair["label"]) for pair in twins))
    counts = Counter((record["label"], record["kind"]) for record in found)
    print(*(f"{label} {kind} {number}" for (label, kind), number in sorted(counts.items())), sep="\n")


if __name__ == "__main__":
    main()
