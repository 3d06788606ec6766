"""Every file that cannot be read is refused with its stable code and a message that says what to do."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.ole2_files import ole2
from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import EngineFault, UserError

WORD = documents.word(lambda document: document.add_paragraph("これは本文です。" * 200))
BOOK = documents.workbook({"表": [["品名", "価格"], ["ねじ", 100]]})
PDF = documents.pdf([["本文です。"]])
GOOD_LINE = json.dumps(
    {"messages": [{"role": "user", "content": "問"}, {"role": "assistant", "content": "答"}]}
)
JAPANESE = "出張の旅費は、領収書を添えて翌月五日までに申請してください。" * 5


def _conversation(*messages: object) -> bytes:
    return f"{GOOD_LINE}\n{json.dumps({'messages': list(messages)})}\n".encode()


USER = {"role": "user", "content": "問い"}
ASSISTANT = {"role": "assistant", "content": "答え"}

BAD_FILES = [
    ("program.pdf", b"MZ\x90\x00" + b"\x00" * 200, "wrong_type"),
    ("program.txt", b"\x7fELF" + bytes(range(200)), "wrong_type"),
    ("image.pdf", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "damaged_file"),
    ("photo.docx", b"\xff\xd8\xff\xe0" + b"\x00" * 50, "damaged_file"),
    ("drawing.gif", b"GIF89a" + b"\x00" * 50, "wrong_type"),
    ("notes.pdf", "ただの文章です。".encode(), "wrong_type"),
    ("table.xlsx", b"a,b\n1,2\n", "wrong_type"),
    ("data.bin", b"abc\x00\x01\x02" * 30, "wrong_type"),
    ("late.txt", b"a" * 5000 + bytes(range(1, 8)) * 40, "wrong_type"),
    ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "damaged_file"),
    ("other.doc", ole2({"Contents": bytes(100)}), "wrong_type"),
    (
        "secret.docx",
        ole2({"EncryptedPackage": bytes(5000), "EncryptionInfo": bytes(64)}),
        "encrypted",
    ),
    ("secret.pdf", documents.pdf([["秘密"]], password="open sesame"), "encrypted"),
    ("cut.docx", WORD[: len(WORD) // 2], "damaged_file"),
    ("cut-a-little.docx", WORD[:-30], "damaged_file"),
    ("cut.xlsx", BOOK[: len(BOOK) // 2], "damaged_file"),
    ("flipped.docx", WORD[:400] + bytes(50) + WORD[450:], "damaged_file"),
    ("hollow.docx", documents.with_part(b"", "readme.txt", b"hello"), "damaged_file"),
    ("shell.docx", documents.with_part(b"", "word/document.xml", b"<not-xml"), "damaged_file"),
    ("shell.xlsx", documents.with_part(b"", "xl/workbook.xml", b"<not-xml"), "damaged_file"),
    ("shell.pptx", documents.with_part(b"", "ppt/presentation.xml", b"<not-xml"), "damaged_file"),
    ("cut.pdf", b"%PDF-1.7\n" + b"garbage" * 20, "damaged_file"),
    ("scan.pdf", documents.scan_pdf(), "no_text"),
    ("blank.txt", b" \n\t\n", "no_text"),
    ("blank.docx", documents.word(lambda document: document.add_paragraph("")), "no_text"),
    ("menu.html", b"<!doctype html><html><body><nav>menu</nav><script>x=1</script></body></html>", "no_text"),
    ("broken.txt", JAPANESE.encode()[:-1] + b"\xff" + JAPANESE.encode(), "undecodable_text"),
    (
        "broken.txt",
        JAPANESE.encode("cp932")[:50] + b"\xff\xff\x80" + JAPANESE.encode("cp932"),
        "undecodable_text",
    ),
    ("western.txt", b"\xe9t\xe9 \xff caf\xe9 na\xefve", "undecodable_text"),
    (
        "quotes.txt",
        "He said \u201cHello\u201d to everybody in the big meeting room.".encode("cp1252"),
        "undecodable_text",
    ),
    ("cut.jsonl", f"{GOOD_LINE}\n{GOOD_LINE[:-5]}\n".encode(), "invalid_jsonl"),
    ("list.jsonl", f"{GOOD_LINE}\n[1, 2]\n".encode(), "invalid_jsonl"),
    ("extra.jsonl", f'{GOOD_LINE}\n{{"messages": [], "weight": 1}}\n'.encode(), "invalid_jsonl"),
    ("none.jsonl", _conversation(), "invalid_jsonl"),
    ("role.jsonl", _conversation({"role": "robot", "content": "a"}, ASSISTANT), "invalid_jsonl"),
    ("empty.jsonl", _conversation(USER, {"role": "assistant", "content": "  "}), "invalid_jsonl"),
    ("number.jsonl", _conversation(USER, {"role": "assistant", "content": 3}), "invalid_jsonl"),
    ("open.jsonl", _conversation(USER), "invalid_jsonl"),
    ("twice.jsonl", _conversation(USER, USER, ASSISTANT), "invalid_jsonl"),
    ("text.jsonl", f"{GOOD_LINE}\nただの文章\n".encode(), "invalid_jsonl"),
]


@pytest.mark.parametrize(
    ("name", "content", "code"), BAD_FILES, ids=[f"{b[0]}-{b[2]}-{i}" for i, b in enumerate(BAD_FILES)]
)
def test_bad_file_is_refused(spec_for, parse, name, content, code):
    with pytest.raises(UserError) as caught:
        parse(spec_for(name, content))
    assert caught.value.code == f"user.{code}"
    assert len(caught.value.message) > 30, "the message must say what to do"


def test_broken_jsonl_names_the_line(spec_for, parse):
    lines = [GOOD_LINE] * 6 + ['{"messages": [', GOOD_LINE]
    with pytest.raises(UserError) as caught:
        parse(spec_for("train.jsonl", "\n".join(lines).encode()))
    assert caught.value.param == "line 7"
    assert "Line 7" in caught.value.message


def test_undecodable_text_names_the_byte(spec_for, parse):
    good = JAPANESE.encode()
    with pytest.raises(UserError) as caught:
        parse(spec_for("memo.txt", good + b"\xff" + good))
    assert caught.value.param == f"byte {len(good) + 1}"


def test_expanded_size_is_limited_even_at_a_modest_ratio(spec_for, parse):
    with pytest.raises(UserError) as caught:
        parse(spec_for("big.docx", WORD, max_expanded_bytes=10_000))
    assert caught.value.code == "user.archive_too_large"


def test_refuses_too_many_pages(spec_for, parse):
    with pytest.raises(UserError) as caught:
        parse(spec_for("long.pdf", documents.pdf([["一"], ["二"], ["三"]]), max_pages=2))
    assert caught.value.code == "user.too_many_pages"


def test_refuses_empty_file(run, spec_for):
    with pytest.raises(UserError) as caught:
        read_file(run, spec_for("empty.pdf", b""))
    assert caught.value.code == "user.empty_file"


def test_refuses_file_over_the_limit(run, spec_for):
    with pytest.raises(UserError) as caught:
        read_file(run, spec_for("big.txt", b"a" * 2000, max_bytes=1999))
    assert caught.value.code == "user.file_too_large"


def test_refuses_file_changed_after_upload(spec_for, run):
    """One bit that turned in the storage would be read, indexed and learnt from like any other."""
    uploaded = JAPANESE.encode()
    damaged = uploaded[:30] + bytes([uploaded[30] ^ 1]) + uploaded[31:]
    with pytest.raises(EngineFault) as refused:
        read_file(run, spec_for("rules.txt", damaged, sha256=hashlib.sha256(uploaded).hexdigest()))
    assert refused.value.code == "system.blob_damaged"
    assert not list(run.output_dir.iterdir())
