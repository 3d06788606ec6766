"""Draw pages of a document: `python -m workers.engines.ingest.pictures config.json` (a RunConfig of a PagePicturesSpec)."""

from __future__ import annotations

from workers.contract.specs.page_pictures import PagePicturesSpec
from workers.engines.ingest.pictures.engine import draw_pages
from workers.engines.shared.runtime import run_engine


def main() -> None:
    run_engine("page_pictures", PagePicturesSpec, draw_pages)


if __name__ == "__main__":
    main()
