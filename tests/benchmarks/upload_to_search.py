"""From an uploaded 10-page PDF to its first search hit, beside a LangChain script.

Run: `python -m tests.benchmarks.upload_to_search [--repeat 3]`

Kosha's time begins with the upload to a running platform and ends when the public search answers with
the page asked for: upload, job queue, confined parsing, index build, switch, search. The script beside it
is what one writes without a platform: a process that loads the PDF (PyPDFium2Loader), splits it
(RecursiveCharacterTextSplitter), embeds with the same model into FAISS and asks once; its time is the
whole process, since both start an engine's libraries anew.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.benchmarks.retrieval_jsquad import EMBEDDING_MODEL, ROOT, machine

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
class Platform:
    """`manage.py up` on a folder of its own, with an organization and the embedding model."""

    def __init__(self, var: Path) -> None:
        self._environment = {**os.environ, "KOSHA_VAR": str(var), "KOSHA_PORT": "0"}
        self._environment["KOSHA_MODEL_ROOTS"] = str(EMBEDDING_MODEL.parent)
        self._log = open(var / "up.log", "wb")  # noqa: SIM115 (closed in stop)
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=self._environment, stdout=self._log
        )
        base_url = self._wait_ready(var)
        self._manage(
            "base_model_register", "e5", str(EMBEDDING_MODEL), "--kind", "embedding", "--licence", "MIT"
        )
        made = json.loads(
            self._manage(
                "organization_create", "--name", "b", "--slug", "b", "--owner", "b@b.example", "--key", "b"
            )
        )
        self.http = httpx.Client(
            base_url=f"{base_url}/v1",
            headers={"Authorization": f"Bearer {made['owner']['api_key']}"},
            timeout=120,
            trust_env=False,
        )

    def _wait_ready(self, var: Path) -> str:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                state = json.loads((var / "stack.json").read_text())
                health = httpx.get(f"{state['model_server_url']}/health", timeout=5, trust_env=False).json()
                httpx.get(f"{state['base_url']}/readyz", timeout=5, trust_env=False).raise_for_status()
                if health["status"] == "ok":
                    return str(state["base_url"])
            except (OSError, ValueError, KeyError, httpx.HTTPError):
                pass
            time.sleep(0.2)
        raise RuntimeError("the platform did not start")

    def _manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self._environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def seconds_to_hit(self, pdf: Path, answer: str) -> float:
        store = self.http.post("/vector_stores", json={"name": pdf.stem}).json()["id"]
        started = time.perf_counter()
        with open(pdf, "rb") as file:
            uploaded = self.http.post(
                "/files", data={"purpose": "user_data"}, files={"file": (pdf.name, file)}
            ).json()
        self.http.post(f"/vector_stores/{store}/files", json={"file_id": uploaded["id"]}).raise_for_status()
        while True:
            found = self.http.post(
                f"/vector_stores/{store}/search", json={"query": QUESTION, "max_num_results": 1}
            )
            hits = found.raise_for_status().json()["data"]
            if hits:
                assert answer in hits[0]["content"][0]["text"] and hits[0]["source"]["number"] == 7
                return time.perf_counter() - started
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


# -- the script beside it -----------------------------------------------------------------------
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
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        var.chmod(0o755)
        platform = Platform(var)
        try:
            for number in range(options.repeat):
                pdf = var / f"manual-{number}.pdf"
                answer = make_pdf(pdf, number)
                ours.append(platform.seconds_to_hit(pdf, answer))
                seconds, found = script_seconds(pdf, answer)
                theirs.append(seconds)
                right += found
        finally:
            platform.stop()
    print(f"A 10-page PDF, median of {options.repeat}; {machine()}\n")
    print("| | seconds to the first hit | first hit is right |\n|---|---|---|")
    print(f"| Kosha (running platform) | {statistics.median(ours):.2f} | {options.repeat}/{options.repeat} |")
    print(f"| LangChain script | {statistics.median(theirs):.2f} | {right}/{options.repeat} |")
    print(f"| ratio | {statistics.median(ours) / statistics.median(theirs):.2f} | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
