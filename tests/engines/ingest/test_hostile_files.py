"""Files that were made to break a reader, one after another through the sandbox that this machine offers."""

from __future__ import annotations

import pytest

from tests.engines.ingest.hostile_files import HOSTILE_FILES, READ
from tests.engines.ingest.hostile_makers import TEXT
from workers.contract.records import Page
from workers.engines.ingest.isolation import read_in_sandbox
from workers.engines.ingest.reading import Output
from workers.engines.shared.runtime import UserError

pytestmark = pytest.mark.slow


def test_each_is_read_or_refused_with_its_code(run, spec_for):
    """And none of them keeps the next one from being read, or brings the text of a file of this machine."""

    def outcome(name: str, content: bytes) -> str:
        pages: list[Page] = []
        output = Output(lambda done, total: None, pages.append, lambda record: None)
        try:
            read_in_sandbox(run, spec_for(name, content, ocr="rapidocr"), output)
        except UserError as error:
            return error.code.removeprefix("user.")
        text = "\n".join(page.text for page in pages)
        assert "root:" not in text
        return READ if TEXT in text else text

    outcomes = {what: outcome(name, make()) for what, (name, make, _) in HOSTILE_FILES.items()}
    assert outcomes == {what: expected for what, (_, _, expected) in HOSTILE_FILES.items()}
