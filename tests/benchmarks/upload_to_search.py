"""From an uploaded 10-page PDF to its first search hit, compared with a LangChain script.

Run: `python -m tests.benchmarks.upload_to_search [--repeat 3]`

Kosha's time begins with the upload to a running platform and ends when the public search answers with
the right page: upload, job queue, confined parsing, index build, switch, search. The script is what one writes
without a platform: a process that loads the PDF (PyPDFium2Loader), splits it (RecursiveCharacterTextSplitter),
embeds with the same model into FAISS and asks once. Its time is the whole process, since both load an engine's
libraries.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from demo.client import ApiClient
from tests.benchmarks.machine import machine
from tests.benchmarks.retrieval_jsquad import EMBEDDING_MODEL, ROOT
from tests.installation import create_organization, register_models, running_installation, temporary_folder

PAGES = 10
QUESTION = "排水弁の交換周期は何か月ですか"


def make_pdf(path: Path, number: int) -> str:
    """A manual of ten pages in which page seven answers QUESTION; `number` makes each one different."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    answer = f"排水弁は{number + 11}か月ごとに交換します。"
    canvas = Canvas(str(path))
    for page in range(1, PAGES + 1):
        canvas.setFont("HeiseiMin-W3", 10)
        lines = [f"第{page}章 装置{number}の手引き", *(_line(page, n) for n in range(30))]
        if page == 7:
            lines.insert(5, answer)
        for row, line in enumerate(lines):
            canvas.drawString(50, 790 - 18 * row, line)
        canvas.showPage()
    canvas.save()
    return answer


def _line(page: int, n: int) -> str:
    topics = (
        "電源部",
        "制御盤",
        "配管",
        "計器",
        "架台",
        "冷却器",
        "伝送路",
        "操作画面",
        "記録紙",
        "保護装置",
    )
    return f"{topics[(page + n) % 10]}の点検項目{page * 31 + n}では、指示値を{n * 7 + page}と比べて記録する。"


# -- Kosha ------------------------------------------------------------------------------------
def seconds_to_hit(api: ApiClient, pdf: Path, answer: str) -> float:
    store = api.post("vector_stores", {"name": pdf.stem}).ok["id"]
    started = time.perf_counter()
    file = api.upload_file(pdf)["id"]
    api.post(f"vector_stores/{store}/files", {"file_id": file}).check()
    query = {"query": QUESTION, "max_num_results": 1}
    while not (hits := api.post(f"vector_stores/{store}/search", query).ok["data"]):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    assert answer in hits[0]["content"][0]["text"] and hits[0]["source"]["number"] == 7
    return seconds


# -- the LangChain script -----------------------------------------------------------------------
def langchain(pdf: Path, answer: str) -> None:
    from langchain_community.document_loaders import PyPDFium2Loader
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from workers.engines.shared.index.embedding import Embedder

    embedder = Embedder(EMBEDDING_MODEL)

    class SameEmbeddings(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed(texts, "passage").tolist()

        def embed_query(self, text: str) -> list[float]:
            return embedder.embed([text], "query")[0].tolist()

    splitter = RecursiveCharacterTextSplitter(chunk_size=400, chunk_overlap=60)
    passages = splitter.split_documents(PyPDFium2Loader(str(pdf)).load())
    hits = FAISS.from_documents(passages, SameEmbeddings()).similarity_search(QUESTION, k=1)
    print("right" if answer in hits[0].page_content else "wrong")


def script_seconds(pdf: Path, answer: str) -> tuple[float, bool]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--langchain", str(pdf), answer],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - started, done.stdout.strip().endswith("right")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--langchain", nargs=2, metavar=("PDF", "ANSWER"))
    options = parser.parse_args()
    if options.langchain:
        langchain(Path(options.langchain[0]), options.langchain[1])
        return 0
    if not EMBEDDING_MODEL.exists():
        print(f"skipped: {EMBEDDING_MODEL} is absent")
        return 0
    ours, theirs, right = [], [], 0
    with (
        temporary_folder("upload") as folder,
        running_installation(folder / "var", KOSHA_MODEL_ROOTS=str(EMBEDDING_MODEL.parent)) as kosha,
    ):
        kosha.wait(kosha.answers, 60)
        register_models(kosha, EMBEDDING_MODEL)
        api = create_organization(kosha, "upload").owner.api
        for number in range(options.repeat):
            pdf = folder / f"manual-{number}.pdf"
            answer = make_pdf(pdf, number)
            ours.append(seconds_to_hit(api, pdf, answer))
            seconds, is_right = script_seconds(pdf, answer)
            theirs.append(seconds)
            right += is_right
    print(f"A 10-page PDF, median of {options.repeat}; {machine()}\n")
    print("| | seconds to the first hit | first hit is right |\n|---|---|---|")
    print(f"| Kosha (running platform) | {statistics.median(ours):.2f} | {options.repeat}/{options.repeat} |")
    print(f"| LangChain script | {statistics.median(theirs):.2f} | {right}/{options.repeat} |")
    print(f"| ratio | {statistics.median(ours) / statistics.median(theirs):.2f} | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
