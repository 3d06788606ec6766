"""E-mails are read with their attachments, in the charsets that Japanese programs write; what cannot be read is told."""

from __future__ import annotations

import base64
from email.headerregistry import Address
from email.message import EmailMessage

import pytest

from tests.engines.ingest import documents
from workers.contract.records import Page
from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError

BOOK = documents.workbook({"価格": [["品名", "価格"], ["ねじ", 100]]})
PDF = documents.pdf([["一枚目。"], ["二枚目。"]])
PLAIN = """\
Subject: =?ISO-2022-JP?B?GyRCPVBEJSRONG4bKEI=?=
From: =?utf-8?B?5bGx55Sw?= <yamada@example.jp>
To: suzuki@example.jp
Date: Mon, 30 Nov 2026 09:05:00 +0900
MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: {encoding}

"""
HEADERS = (
    "Subject: 出張の件\nFrom: 山田 <yamada@example.jp>\nTo: suzuki@example.jp\nDate: 2026-11-30 09:05+09:00"
)


def written(subject: str = "見積", body: str = "見積を送ります。", *, html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = Address("山田", "yamada", "example.jp")
    message["To"] = "suzuki@example.jp"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def attach(message: EmailMessage, name: str, content: bytes, kind: str = "octet-stream") -> EmailMessage:
    message.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return message


BODY = "出張の申請は、前日までに行う。"
CHARSETS = {
    "iso-2022-jp": ("7bit", BODY.encode("iso2022_jp")),
    "Shift_JIS": ("8bit", (BODY + "①㈱").encode("cp932")),
    "utf-8": ("base64", base64.encodebytes(BODY.encode())),
    "euc-jp": ("8bit", BODY.encode("euc_jp")),
    "iso-2022-jp-ms": ("7bit", b"\x1b$B=PD%\x1b(B \x1b$B-!\x1b(B"),
    "us-ascii": ("8bit", BODY.encode()),
}


@pytest.mark.parametrize(("charset", "content"), CHARSETS.items(), ids=CHARSETS)
def test_headers_stand_before_the_body_in_every_charset(run, spec_for, parse, charset, content):
    encoding, body = content
    head = PLAIN.format(charset=charset, encoding=encoding).replace(
        "GyRCPVBEJSRONG4bKEI=", "GyRCPVBEJSRON28bKEI="
    )
    spec = spec_for("mail.eml", head.encode() + body)
    (page,) = parse(spec)
    assert page.text.startswith(f"{HEADERS}\n\n出張")
    assert "?" not in page.text and "\ufffd" not in page.text
    result = read_file(run, spec)
    assert (result.media_type, result.title, result.warnings) == ("message/rfc822", "出張の件", ())


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?iso-2022-jp?B?GyRCLSEbKEI=?= A", "(1) A"),
        (b"=?utf-8?Q?=E8=A6=8B?=\r\n =?utf-8?Q?=E7=A9=8D?=", "見積"),
        ("見積の件について".encode(), "見積の件について"),
        ("見積の件について".encode("cp932"), "見積の件について"),
        (b"=?utf-8?B?!!!?=", ""),
        (b"=?unknown?B?44GC?=", "あ"),
    ],
)
def test_a_subject_is_read_however_it_is_encoded(spec_for, parse, raw, text):
    content = b"Subject: " + raw + b"\r\nFrom: a@example.jp\r\n\r\nbody\r\n"
    lines = parse(spec_for("a.eml", content))[0].text.split("\n")
    assert lines == [*([f"Subject: {text}"] if text else []), "From: a@example.jp", "", "body"]


def test_of_two_forms_the_plain_one_is_read(spec_for, parse):
    content = written(html="<p>別の形。</p>").as_bytes()
    (page,) = parse(spec_for("a.eml", content))
    assert page.text.endswith("見積を送ります。") and "別の形" not in page.text


def test_an_html_body_is_read_as_a_web_page(spec_for, parse):
    html = '<html><head><meta charset="shift_jis"></head><body><h1>見積</h1><table><tr><th>品名</th><th>価格</th></tr>'
    content = written(
        body=" ", html=html + "<tr><td>ねじ</td><td>100</td></tr></table></body></html>"
    ).as_bytes()
    (page,) = parse(spec_for("a.eml", content))
    assert page.text.startswith("Subject: 見積\n") and page.text.endswith("見積\n品名 | 価格\nねじ | 100")
    assert page.tables[0].rows[1] == ("ねじ", "100")


def test_flowed_lines_are_joined(spec_for, parse):
    head = b"Subject: a\nContent-Type: text/plain; charset=utf-8; format=flowed\n\n"
    assert parse(spec_for("a.eml", head + b"one \ntwo\nthree\n-- \nname\n"))[0].text.endswith(
        "one two\nthree\n--\nname"
    )


def test_attachments_become_pages_with_their_names(run, spec_for, parse):
    message = attach(attach(written(), "見積.xlsx", BOOK), "資料.pdf", PDF)
    message.add_attachment("第1条 目的。", filename="規程.txt", charset="iso-2022-jp")
    spec = spec_for("a.eml", message.as_bytes())
    assert [(page.kind, page.number, page.label) for page in parse(spec)] == [
        ("section", 1, None),
        ("sheet", 2, "見積.xlsx › 価格"),
        ("section", 3, "資料.pdf p.1"),
        ("section", 4, "資料.pdf p.2"),
        ("section", 5, "規程.txt"),
    ]
    assert read_file(run, spec).warnings == ()


def test_attachments_that_cannot_be_read_are_told_with_the_reason(run, spec_for):
    hidden = documents.workbook({"表": [["品名"]], "作業用": [["秘密"]]}, hidden=["作業用"])
    message = attach(written(), "setup.exe", b"MZ\x90" + bytes(99))
    message = attach(attach(message, "壊れた.docx", BOOK[:300]), "白紙.txt", b" ")
    message = attach(attach(message, "空.txt", b""), "表.xlsx", hidden)
    message = attach(message, "train.jsonl", b'{"messages": []}')
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", cid="<logo>", disposition="inline")
    result = read_file(run, spec_for("a.eml", message.as_bytes()))
    assert result.warnings == (
        "attachments_not_read:5:setup.exe (wrong_type), 壊れた.docx (damaged_file), 白紙.txt (no_text), "
        "空.txt (empty_file), train.jsonl (wrong_type)",
        "hidden_sheets_skipped:1:表.xlsx",
    )
    assert result.pages == 2


def _forwarded(levels: int) -> EmailMessage:
    message = written("奥", "いちばん奥。")
    for level in range(levels):
        outer = written(f"転送{level + 1}", f"転送{level + 1}回目。")
        outer.add_attachment(message)
        message = outer
    return message


@pytest.mark.parametrize(("levels", "pages", "warnings"), [(1, 2, 0), (2, 3, 0), (3, 3, 1)])
def test_mails_within_mails_are_read_twice_deep(run, spec_for, parse, levels, pages, warnings):
    spec = spec_for("a.eml", _forwarded(levels).as_bytes())
    result = read_file(run, spec)
    assert (result.pages, len(result.warnings)) == (pages, warnings)
    assert [page.number for page in parse(spec)] == list(range(1, pages + 1))
    assert "nested_too_deep" in "".join(result.warnings) or not warnings


NAMES = {
    "RFC 2231": b"attachment; filename*=utf-8''%E8%A6%8F%E7%A8%8B.txt",
    "RFC 2231 in parts": b"attachment; filename*0*=utf-8''%E8%A6%8F; filename*1*=%E7%A8%8B.txt",
    "an encoded word": b'attachment; filename="=?utf-8?B?6KaP56iLLnR4dA==?="',
    "bytes of Shift_JIS": b'attachment; filename="' + "規程.txt".encode("cp932") + b'"',
    "RFC 2231 in ISO-2022-JP": b"attachment; filename*=iso-2022-jp''%1B%24B5%2CDx%1B%28B.txt",
}


@pytest.mark.parametrize("stated", NAMES.values(), ids=NAMES)
def test_names_of_attachments_are_read_however_they_are_encoded(spec_for, parse, stated):
    content = (
        b"Subject: a\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\n\nbody\n"
        b"--B\nContent-Type: application/octet-stream\nContent-Disposition: " + stated + b"\n\ntext\n--B--\n"
    )
    assert [page.label for page in parse(spec_for("a.eml", content))] == [None, "規程.txt"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no headers at all\n\nbody", "wrong_type"),
        (b"\x7fELF" + bytes(60), "wrong_type"),
        (b"Subject: a\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMII", "encrypted"),
        (
            b"Subject: a\nContent-Type: text/plain; charset=utf-8\n\n" + b"caf\xe9 \xff\x80",
            "undecodable_text",
        ),
    ],
)
def test_bad_files_have_their_codes(spec_for, parse, content, code):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.eml", content))
    assert refused.value.code == f"user.{code}"


def test_the_pages_of_attachments_count_for_the_limit(spec_for, parse):
    message = attach(attach(written(), "a.pdf", PDF), "b.pdf", PDF)
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.eml", message.as_bytes(), max_pages=4))
    assert refused.value.code == "user.too_many_pages"


def test_blocks_of_an_html_body_stand_below_the_headers(spec_for, parse):
    content = written(body=" ", html="<h1>見積</h1><p>本文。</p>").as_bytes()
    page = Page.model_validate(parse(spec_for("a.eml", content))[0].model_dump())
    found = [(block.kind, text) for block, text, _ in page.placed_blocks()]
    assert (found[0][0], found[1:]) == ("paragraph", [("heading", "見積"), ("paragraph", "本文。")])
