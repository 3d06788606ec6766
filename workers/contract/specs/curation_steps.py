"""The steps of a recipe: each class declares one step with its settings, label, help and reasons.

The curation engine implements them (`workers.engines.curation.steps`), one function for each class. The console and
the API know a step by its class alone, so this module is all that they need of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny
from pydantic_core import PydanticCustomError

from workers.contract.number_pattern import NumberPattern
from workers.contract.personal_data import PERSONAL_KINDS, PersonalDataKind
from workers.contract.prompts import SHORT_ANSWER_HEADERS
from workers.contract.spec import Spec
from workers.contract.translatable import gettext_noop

ListedText = Annotated[str, Field(min_length=2, max_length=200)]
WorksOn = Literal["pages", "units", "pages and units", "records"]
"""Pages become units of training text in the step `segment`, and units become records after the last step."""


@dataclass(frozen=True)
class Detail:
    """What is said of a dropped unit beside the reason."""

    pattern: str
    """As it stands in `dropped.jsonl`, with its values in braces; `{record}` is the id of a record that was kept."""
    sentence: str
    """For people, with the same values as `%(value)s`; those whose name ends in `share` are shares of 1."""

    def values_of(self, detail: str) -> dict[str, str]:
        """The values in a written detail; empty where it is of another form."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\S+)", re.escape(self.pattern))
        found = re.fullmatch(pattern, detail)
        return found.groupdict() if found else {}


class StepSettings(Spec):
    """The settings of one step of a recipe. A subclass declares a step; its `type` is the step's name."""

    type: str
    label: ClassVar[str]
    help: ClassVar[str]
    """What the step does, in one sentence."""
    works_on: ClassVar[WorksOn]
    reasons: ClassVar[Mapping[str, str]] = {}
    """Why the step drops something: the stable word in `dropped.jsonl`, and its label."""
    details: ClassVar[Mapping[str, Detail]] = {}
    """By reason: what more is said of what was dropped, where something is."""
    settings: ClassVar[Mapping[str, str]] = {}
    """What each setting is called where a recipe is shown. Those whose name ends in `share` are shares of 1."""
    changes_text: ClassVar[bool] = False
    """What a unit says may be different after the step."""

    def detail(self, reason: str, **values: object) -> str:
        """As it is written into `dropped.jsonl`."""
        return self.details[reason].pattern.format(**values)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        STEPS[cls.model_fields["type"].default] = cls


STEPS: dict[str, type[StepSettings]] = {}
"""Every declared step by its type."""


def _with_own_class(value: Any) -> Any:
    """Plain JSON as the settings class that its `type` names."""
    if not isinstance(value, Mapping):
        return value
    if "type" not in value:
        raise PydanticCustomError("union_tag_not_found", "Unable to extract tag using discriminator 'type'")
    declared = STEPS.get(value["type"]) if isinstance(value["type"], str) else None
    if declared is None:
        raise PydanticCustomError(
            "union_tag_invalid",
            "Input tag '{tag}' found using 'type' does not match any of the expected tags: {expected}",
            {"tag": str(value["type"]), "expected": ", ".join(map(repr, STEPS))},
        )
    return declared.model_validate(value)


AnyStep = Annotated[SerializeAsAny[StepSettings], BeforeValidator(_with_own_class)]


def step_keys(steps: Iterable[StepSettings]) -> list[str]:
    """A name for each step of a recipe: its type, with a number from the second of a type on (`noise:2`)."""
    keys: list[str] = []
    seen: dict[str, int] = {}
    for step in steps:
        seen[step.type] = seen.get(step.type, 0) + 1
        keys.append(step.type if seen[step.type] == 1 else f"{step.type}:{seen[step.type]}")
    return keys


def step_of_key(key: str) -> tuple[str, int]:
    """The type and the number of a step: `("noise", 2)` for `noise:2`, `("noise", 1)` for `noise`."""
    type_, _, number = key.partition(":")
    return type_, int(number or 1)


class NormalizeStep(StepSettings):
    type: Literal["normalize"] = "normalize"
    label = gettext_noop("Normalize characters")
    help = gettext_noop("Bring characters to one form: NFKC, unified ideographs, no control characters.")
    works_on = "pages and units"
    settings = {
        "join_wrapped_lines": gettext_noop("Undo line breaks inside sentences"),
    }
    changes_text = True
    join_wrapped_lines: bool = False
    """Undo line breaks inside sentences, for text files wrapped at a fixed width."""


class PersonalDataStep(StepSettings):
    type: Literal["personal_data"] = "personal_data"
    label = gettext_noop("Mask personal data")
    help = gettext_noop(
        "Replace personal data by a token that names its kind, for example 〔電話番号〕, or by a pseudonym that is the same for "
        "the same text, or drop the units that hold some. The lists hold in this step alone: knowledge bases find personal "
        "data when a document is read, without them."
    )
    works_on = "pages and units"
    settings = {
        "kinds": gettext_noop("Kinds that are masked"),
        "mode": gettext_noop("What becomes of it"),
        "never": gettext_noop("Texts that are never masked"),
        "always": gettext_noop("Texts that are always masked"),
        "employee_numbers": gettext_noop("Form of employee numbers"),
        "keep_domains": gettext_noop("E-mail domains left alone"),
    }
    changes_text = True
    reasons = {"personal_data": gettext_noop("holds personal data")}
    kinds: tuple[PersonalDataKind, ...] = PERSONAL_KINDS
    """What to mask. Numbers with a check digit are masked only where it is right. `mailbox` (info@, soumu@) stays unless it is
    named here."""
    mode: Literal["mask", "pseudonymize", "drop"] = "mask"
    """`mask`: a token of the kind. `pseudonymize`: the token with letters that are the same for the same text of the organization,
    in every document and version (〔氏名-k3f7q2mz〕), made with a key of the organization; secrets get the token alone. `drop`: the
    unit is left out; its text in the list of dropped ones is masked."""
    never: tuple[ListedText, ...] = Field(default=(), max_length=500)
    """Texts of the organization that are never masked, for example names of products and addresses of mailboxes."""
    always: tuple[ListedText, ...] = Field(default=(), max_length=500)
    """Texts of the organization that always are, wherever they stand, as the kind `listed`."""
    employee_numbers: tuple[NumberPattern, ...] = Field(default=(), max_length=20)
    """How the company writes the numbers of its employees, for example `E-999999`: 9 stands for a digit, X for a letter, any
    other character for itself, and so does a character after a backslash. At least three digits."""
    keep_domains: tuple[str, ...] = ()
    """E-mail domains to leave alone, for example the company's own for shared mailboxes."""

    @property
    def kinds_masked(self) -> frozenset[PersonalDataKind]:
        """Those of which nothing is left."""
        if self.never:
            return frozenset()
        return frozenset(self.kinds) - (frozenset({"email"}) if self.keep_domains else frozenset())


class BoilerplateStep(StepSettings):
    type: Literal["boilerplate"] = "boilerplate"
    label = gettext_noop("Drop boilerplate")
    help = gettext_noop(
        "Drop pages that carry no knowledge, page numbers, and headers and footers but for one of each."
    )
    works_on = "pages"
    settings = {
        "drop_contents_pages": gettext_noop("Drop tables of contents"),
        "drop_notice_pages": gettext_noop("Drop notices and covers"),
        "drop_front_matter": gettext_noop("Drop the fields of site generators (front matter)"),
        "repeated_line_share": gettext_noop("A header or footer stands on at least this share of the pages"),
        "repeated_line_pages": gettext_noop("Look for them in documents of at least this many pages"),
    }
    reasons = {
        "blank": gettext_noop("blank page"),
        "table_of_contents": gettext_noop("table of contents"),
        "notice": gettext_noop("notice or cover"),
        "repeated_line": gettext_noop("header or footer line"),
        "front_matter": gettext_noop("fields of a site generator"),
    }
    details = {
        "repeated_line": Detail(
            "on most of {pages} pages",
            gettext_noop("The line stands on most of the document's %(pages)s pages. One of them is kept."),
        )
    }
    drop_contents_pages: bool = True
    """Drop pages that are a table of contents."""
    drop_notice_pages: bool = True
    """Drop pages that hold nothing but a copyright notice, a confidentiality notice or a cover."""
    drop_front_matter: bool = True
    """Drop the fields of a site generator that begin a document (front matter); their title stays."""
    repeated_line_share: float = Field(default=0.6, gt=0, le=1)
    """Remove a header or footer line found on at least this share of a document's pages. One of them stays."""
    repeated_line_pages: int = Field(default=2, ge=2)
    """Look for repeated lines only in documents of at least this many pages."""


class QuestionAnswerStep(StepSettings):
    type: Literal["question_answer_pairs"] = "question_answer_pairs"
    label = gettext_noop("Find questions and answers")
    help = gettext_noop(
        "Turn tables with a question column and an answer column, and lines labelled as question and answer, into "
        "question-answer pairs."
    )
    works_on = "pages"
    settings = {
        "question_headers": gettext_noop("Titles of the question"),
        "answer_headers": gettext_noop("Titles of the answer"),
        "short_answer_headers": gettext_noop("Titles of the short answers"),
        "header_rows": gettext_noop("Rows in which titles are looked for"),
    }
    reasons = {"incomplete_pair": gettext_noop("question without answer")}
    question_headers: tuple[str, ...] = ("質問", "問い", "お問い合わせ", "問合せ内容", "question", "q")
    """Column titles, and labels of lines, that mark the question."""
    answer_headers: tuple[str, ...] = ("回答", "答え", "対応", "answer", "a")
    """Column titles, and labels of lines, that mark the answer."""
    short_answer_headers: tuple[str, ...] = SHORT_ANSWER_HEADERS
    """Column titles, and labels of lines, that mark the accepted short answers, several separated by ／ or |."""
    header_rows: int = Field(default=5, ge=1)
    """Look for the column titles in this many first rows of a table."""


class SegmentStep(StepSettings):
    type: Literal["segment"] = "segment"
    label = gettext_noop("Cut into units")
    help = gettext_noop("Cut documents into units of training text where their meaning ends.")
    works_on = "pages"
    settings = {
        "max_characters": gettext_noop("Longest unit, in characters"),
        "min_characters": gettext_noop("Paragraphs are joined up to, in characters"),
        "split_articles": gettext_noop("Begin a new unit at every article"),
    }
    max_characters: int = Field(default=800, ge=50, le=20_000)
    """Longest unit. Longer articles and paragraphs are cut at the end of a sentence."""
    min_characters: int = Field(default=200, ge=0)
    """Join paragraphs up to this length; articles (第N条) stay apart however short."""
    split_articles: bool = True
    """Begin a new unit at every article (第N条) of a regulation."""


class MinimumLengthStep(StepSettings):
    type: Literal["minimum_length"] = "minimum_length"
    label = gettext_noop("Drop what is too short")
    help = gettext_noop("Drop units too short to teach anything.")
    works_on = "units"
    settings = {
        "characters": gettext_noop("Shortest unit kept, in characters"),
    }
    reasons = {"too_short": gettext_noop("too short")}
    details = {
        "too_short": Detail(
            "{characters} < {least}", gettext_noop("Characters: %(characters)s. At least %(least)s are kept.")
        )
    }
    characters: int = Field(default=15, ge=1)
    """Shortest unit kept."""


class NoiseStep(StepSettings):
    type: Literal["noise"] = "noise"
    label = gettext_noop("Drop noise")
    help = gettext_noop(
        "Drop units that say nothing: drawn symbols, repetition, garbled characters, markup, machine logs, menus and "
        "other stock phrases. Tables, formulas and code are kept, however many symbols they have."
    )
    works_on = "units"
    settings = {
        "max_symbol_share": gettext_noop("Most drawn symbols"),
        "max_repetition": gettext_noop("Most repetition"),
        "max_stock_share": gettext_noop("Most stock phrases"),
        "min_japanese_share": gettext_noop("Least Japanese"),
    }
    reasons = {
        "symbols": gettext_noop("mostly symbols"),
        "no_words": gettext_noop("numbers or single letters without a word"),
        "no_values": gettext_noop("errors, zeros or blanks of a sheet"),
        "repetition": gettext_noop("mostly repetition"),
        "keywords": gettext_noop("keywords for search engines"),
        "garbled": gettext_noop("garbled characters"),
        "encoded": gettext_noop("encoded bytes"),
        "markup": gettext_noop("markup without text"),
        "machine_log": gettext_noop("log of a program"),
        "mail_header": gettext_noop("header of a message alone"),
        "links": gettext_noop("links alone"),
        "stock_phrases": gettext_noop("menus, banners, placeholders or advertising"),
        "not_japanese": gettext_noop("too little Japanese"),
    }
    details = {
        "symbols": Detail(
            "{share} > {most_share}",
            gettext_noop("Share of symbols: %(share)s. Up to %(most_share)s is kept."),
        ),
        "repetition": Detail(
            "{share} > {most_share}",
            gettext_noop("Share of one repeated piece: %(share)s. Up to %(most_share)s is kept."),
        ),
        "stock_phrases": Detail(
            "{share} > {most_share}",
            gettext_noop("Share of stock phrases: %(share)s. Up to %(most_share)s is kept."),
        ),
        "not_japanese": Detail(
            "{share} < {least_share}",
            gettext_noop("Share of Japanese letters: %(share)s. From %(least_share)s on it is kept."),
        ),
    }
    max_symbol_share: float = Field(default=0.4, gt=0, le=1)
    """Drop a unit in which more than this share of characters are drawn: rules, boxes, rows of one mark."""
    max_repetition: float = Field(default=0.5, gt=0, le=1)
    """Drop a unit in which more than this share of text repeats its lines, clauses, words or runs of characters."""
    max_stock_share: float = Field(default=0.7, gt=0, le=1)
    """Drop a unit in which more than this share of letters are stock phrases of menus, banners, placeholders, greetings or
    advertising."""
    min_japanese_share: float = Field(default=0.0, ge=0, le=1)
    """Drop a unit with a smaller share of Japanese letters. 0 keeps every language."""


class ExactDuplicateStep(StepSettings):
    type: Literal["exact_duplicate"] = "exact_duplicate"
    label = gettext_noop("Drop duplicates")
    help = gettext_noop(
        "Keep one of the units that are equal once spaces and case are ignored: that of the newest document."
    )
    works_on = "units"
    reasons = {"exact_duplicate": gettext_noop("same as another")}
    details = {
        "exact_duplicate": Detail(
            "same as {record}", gettext_noop("It says the same as a record that was kept.")
        )
    }


class NearDuplicateStep(StepSettings):
    type: Literal["near_duplicate"] = "near_duplicate"
    label = gettext_noop("Drop near-duplicates")
    help = gettext_noop(
        "Keep one of the units that are nearly equal and state the same: that of the newest document. One number, "
        "name or negation apart, both are kept."
    )
    works_on = "units"
    settings = {
        "threshold": gettext_noop("Similarity from which two are the same"),
        "ngram": gettext_noop("Characters compared at a time"),
        "permutations": gettext_noop("Hash functions"),
    }
    reasons = {"near_duplicate": gettext_noop("nearly the same as another")}
    details = {
        "near_duplicate": Detail(
            "like {record}", gettext_noop("It says nearly the same as a record that was kept.")
        )
    }
    threshold: float = Field(default=0.8, ge=0.5, le=1)
    """Jaccard similarity from which two units that state the same count as the same."""
    ngram: int = Field(default=5, ge=2, le=20)
    """Characters per n-gram."""
    permutations: int = Field(default=128, ge=32, le=512, multiple_of=16)
    """Hash functions: more are more exact and slower."""


class SplitStep(StepSettings):
    type: Literal["split"] = "split"
    label = gettext_noop("Hold out for evaluation")
    help = gettext_noop(
        "Hold a share of the records out of training, so that the model can be measured on them."
    )
    works_on = "records"
    settings = {
        "similarity": gettext_noop("Similarity from which two stay on one side"),
        "least_heldout": gettext_noop("Held out at least"),
        "most_heldout_share": gettext_noop("Held out at most"),
    }
    similarity: float = Field(default=0.5, ge=0.3, le=1)
    """Records at least this alike (or with the same answer) stay together on one side."""
    least_heldout: int = Field(default=8, ge=0)
    """Hold out at least this many texts and this many pairs where there are enough."""
    most_heldout_share: float = Field(default=0.3, gt=0, le=0.5)
    """Never hold out more than this share of the texts or of the pairs to reach that number."""
