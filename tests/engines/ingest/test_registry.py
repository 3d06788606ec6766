"""Parsers declare their media types and are found by them; their libraries are loaded only when they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import get_args

import pytest

from tests.engines.conftest import REPOSITORY
from workers.contract.media_types import PDF, MediaType
from workers.engines.ingest.parsers.registry import all_parsers, parser

LIBRARIES = {
    "PIL",
    "cv2",
    "docx",
    "lxml",
    "numpy",
    "olefile",
    "onnxruntime",
    "openpyxl",
    "pypdfium2",
    "python_calamine",
    "rapidocr",
}


def test_every_media_type_has_a_parser():
    assert set(all_parsers()) == set(get_args(MediaType))


def test_refuses_a_second_parser_for_a_media_type():
    all_parsers()
    with pytest.raises(AssertionError, match="two parsers read application/pdf"):
        parser(PDF)(lambda file, spec: None)


@pytest.mark.slow
def test_finding_the_parsers_loads_none_of_their_libraries():
    code = (
        "import json, sys\n"
        "from workers.engines.ingest import engine\n"
        "from workers.engines.ingest.parsers.registry import all_parsers\n"
        "assert all_parsers()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=True)
    assert set(json.loads(done.stdout)) & LIBRARIES == set()
