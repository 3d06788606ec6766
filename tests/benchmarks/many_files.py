"""Many small files: uploaded by API over eight connections until the last is readable.

Run: `python -m tests.benchmarks.many_files [--files 1000] [--office 1000] [--before 0]`

Web, workers, PostgreSQL, engines and the clients share the machine. The clock runs from the first byte sent until the list of
files says of each that it is read. One file among the others is damaged: it is refused, and the others are read all the same.
The alternative is one process for each file, which a setting chooses, on a part of the same files. Some files are added
first and after all others, which costs the same; `--before` uploads so many before. Exits with 1 where a limit is exceeded.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

import psutil

from demo.client import ApiClient
from tests.benchmarks.machine import machine
from tests.installation import (
    IsolatedInstallation,
    create_organization,
    running_installation,
    temporary_folder,
)

CONNECTIONS = 8
TEXT_LIMIT, OFFICE_LIMIT = 20.0, 8.0
WAIT_SECONDS = 900.0
ALONE = 60
"""Files that are read one process each, for comparison."""
FEW = 100
"""Files that are added before and after the others."""
TOPICS = ("電源部", "制御盤", "配管", "計器", "架台", "冷却器", "伝送路", "操作画面", "記録紙", "保護装置")
Made = tuple[str, bytes]


# -- the files -------------------------------------------------------------------------------------------
def sentences(number: int, count: int) -> list[str]:
    return [
        f"第{n}条 {TOPICS[(number + n) % 10]}{number}の部品{n}は、係員が{(number * n) % 89 + 2}日ごとに点検し、記録簿に残す。"
        for n in range(1, count + 1)
    ]


def text(number: int) -> Made:
    """Plain text, Markdown and HTML of 1 to 20 kB in turn."""
    lines = sentences(number, random.Random(number).randint(10, 190))
    match number % 3:
        case 0:
            return f"規程{number}.txt", "\n".join(lines).encode()
        case 1:
            parts = (
                f"## {number}.{n} 点検\n\n" + "\n\n".join(lines[n : n + 8]) for n in range(0, len(lines), 8)
            )
            return f"手順{number}.md", f"# 手順書{number}\n\n{chr(10).join(parts)}\n".encode()
        case _:
            body = "".join(f"<p>{line}</p>" for line in lines)
            page = f"<html><head><meta charset=utf-8><title>案内{number}</title></head><body><h1>案内</h1>{body}</body></html>"
            return f"案内{number}.html", page.encode()


def office(number: int) -> Made:
    """Word documents and workbooks in turn."""
    lines = sentences(number, random.Random(number).randint(10, 60))
    content = io.BytesIO()
    if number % 2:
        import docx

        document = docx.Document()
        document.add_heading(f"規程{number}", 1)
        for line in lines:
            document.add_paragraph(line)
        document.save(content)
        return f"規程{number}.docx", content.getvalue()
    import openpyxl

    book = openpyxl.Workbook()
    for n, line in enumerate(lines, start=1):
        book.active.append([f"AVP-{number}-{n}", line[:20], n * number % 977, f"{n * 100}円"])
    book.save(content)
    return f"価格表{number}.xlsx", content.getvalue()


# -- one run ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Figures:
    files: int
    seconds: float
    uploading: float
    processor: dict[str, float]
    """Milliseconds a file, by part of the installation."""

    @property
    def speed(self) -> float:
        return self.files / self.seconds

    def row(self, name: str) -> str:
        parts = ", ".join(f"{part} {value:.0f}" for part, value in self.processor.items())
        return (
            f"| {name} | {self.files} | {self.speed:.1f} | {self.files / self.uploading:.1f} "
            f"| {sum(self.processor.values()):.0f} ms: {parts} |"
        )


def measure(kosha: IsolatedInstallation, api: ApiClient, files: list[Made], refused: int = 0) -> Figures:
    newest = api.get("files", limit=1, order="desc").ok["data"]
    last = newest[0]["id"] if newest else None
    before = processor_seconds(kosha)
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda file: api.upload(*file).check(), files))
    uploading = time.perf_counter() - started
    ends: list[str] = []
    while len(ends) < len(files):
        assert time.perf_counter() - started < WAIT_SECONDS, f"{len(files) - len(ends)} files are not read"
        # Those that are known to be read are not asked for again.
        query = {"limit": 100, "order": "asc"} | ({"after": last} if last else {})
        page = api.get("files", **query).ok["data"]
        read = list(takewhile(lambda file: file["status"] != "uploaded", page))
        ends += [file["status"] for file in read]
        last = read[-1]["id"] if read else last
        if len(read) < len(page):
            time.sleep(0.2)
    seconds = time.perf_counter() - started
    assert ends.count("error") == refused, "only a damaged file is refused"
    after = processor_seconds(kosha)
    spent = {part: 1000 * (after[part] - before.get(part, 0)) / len(files) for part in after}
    return Figures(len(files), seconds, uploading, spent)


def processor_seconds(kosha: IsolatedInstallation) -> dict[str, float]:
    """So far, by part, with that of children that have ended. Engines leave their parents, and are not in it."""
    found: dict[str, float] = {}
    for process in kosha.processes():
        try:
            command, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        part = next((name for name, mark in PARTS.items() if mark in command), "rest")
        found[part] = (
            found.get(part, 0) + times.user + times.system + times.children_user + times.children_system
        )
    return found


PARTS = {"web": "uvicorn", "Celery": "celery", "PostgreSQL": "postgres"}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--office", type=int, default=1000)
    parser.add_argument("--before", type=int, default=0)
    options = parser.parse_args()
    bad = ("壊れた.docx", b"PK\x03\x04 no archive")
    rows: dict[str, Figures] = {}
    with temporary_folder("many") as folder:
        with running_installation(folder / "var") as kosha:
            kosha.wait(kosha.answers, 60)
            api = create_organization(kosha, "many").owner.api
            measure(kosha, api, [text(number) for number in range(5)])
            if options.before:
                measure(kosha, api, [text(10_000 + n) for n in range(options.before)])
            rows["first"] = measure(kosha, api, [text(n) for n in range(100, 100 + FEW)])
            texts = [text(number) for number in range(1000, 1000 + options.files - 1)]
            rows["text"] = measure(kosha, api, [*texts, bad], refused=1)
            rows["office"] = measure(kosha, api, [office(number) for number in range(options.office)])
            rows["last"] = measure(kosha, api, [text(n) for n in range(200, 200 + FEW)])
        with running_installation(folder / "alone", KOSHA_READ_TOGETHER="1") as kosha:
            kosha.wait(kosha.answers, 60)
            api = create_organization(kosha, "alone").owner.api
            measure(kosha, api, [text(number) for number in range(5)])
            rows["text alone"] = measure(kosha, api, [text(n) for n in range(1000, 1000 + ALONE)])
            rows["office alone"] = measure(kosha, api, [office(n) for n in range(ALONE)])
    print(f"{CONNECTIONS} connections; {machine()}\n")
    print(
        "| files | count | files a second, until readable | uploaded a second | processor a file, without the engines |"
    )
    print("|---|---:|---:|---:|---|")
    names = {
        "text": "text, Markdown, HTML, 1 to 20 kB",
        "text alone": "the same, one process a file",
        "office": "DOCX, XLSX",
        "office alone": "the same, one process a file",
        "first": f"the first {FEW} text files",
        "last": f"{FEW} text files after all of these",
    }
    for key, name in names.items():
        if key in rows:
            print(rows[key].row(name))
    for key in ("text", "office"):
        print(
            f"\n{key}: {rows[key].speed / rows[f'{key} alone'].speed:.1f}× as many as with one process a file."
        )
    first, last = (sum(rows[key].processor.values()) for key in ("first", "last"))
    count = options.before + FEW + options.files + options.office
    print(f"\nA file among {count} others costs {last / first:.2f}× the processor time of one among few.")
    is_within = rows["text"].speed >= TEXT_LIMIT and rows["office"].speed >= OFFICE_LIMIT
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
