"""Which engines there are, which is installed here, and how it is loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from workers.contract.specs.ingest import OcrChoice, OcrEngine
from workers.engines.ingest.ocr import tesseract
from workers.engines.ingest.ocr.lines import Engine


def installed(choice: OcrChoice) -> OcrEngine | None:
    """The engine for a choice; None without one. Nothing is loaded."""
    wanted = get_args(OcrEngine) if choice == "auto" else (choice,)
    return next((name for name in wanted if name in _FOUND and _FOUND[name]()), None)


def folders(name: OcrEngine) -> list[Path]:
    """What the engine reads when it is loaded, beside code."""
    folder = tesseract.data_folder() if name == "tesseract" else None
    return [folder] if folder else []


def load(name: OcrEngine) -> Engine:
    """Reads everything that the engine needs from the disk."""
    if name == "tesseract":
        return tesseract.TesseractEngine()
    from workers.engines.ingest.ocr.rapid import RapidEngine

    return RapidEngine()


def _has_rapidocr() -> bool:
    return all(importlib.util.find_spec(module) for module in ("rapidocr", "onnxruntime", "cv2"))


_FOUND: dict[OcrEngine, Callable[[], object]] = {
    "rapidocr": _has_rapidocr,
    "tesseract": tesseract.find_library,
}
