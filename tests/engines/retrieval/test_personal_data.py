"""An index holds the text as it was read, and gives it out with tokens in place of personal data where that is asked."""

from __future__ import annotations

import random

import pytest

from tests.engines.retrieval.conftest import EVERYONE
from tests.engines.retrieval.tiny import make_run
from workers.contract.artifacts import ArtifactDamaged, write_manifest
from workers.contract.blocks import Block, Heading
from workers.contract.personal_data import PERSONAL_DATA_FILE, PageFinds, PersonalSpan, by_page, masked
from workers.contract.records import Page, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource, RetrievalSpec
from workers.engines.retrieval.chunking import passages_of
from workers.engines.retrieval.engine import build_index
from workers.engines.retrieval.pieces import pieces_of
from workers.engines.shared.index.embedding import Embedder
from workers.engines.shared.index.passages import PassageStore, write_passages
from workers.engines.shared.index.search import Index
from workers.engines.shared.personal_data import find_on_page

pytestmark = pytest.mark.ml

SOURCE = RetrievalSource(
    document_id="d", revision_id="r", document_name="規程.pdf", pages_path="unused", groups=EVERYONE
)
CHUNKING = Chunking(max_characters=80, overlap=20)
PHONE, EMAIL = "090-1234-5678", "taro@example.co.jp"
LONG = "".join(f"当番は{number}日に交代する。" for number in range(9))
ROSTER = Table(
    cells="A1:C3",
    rows=(
        ("氏名", "連絡先 03-1234-5678", "備考"),
        ("山田太郎", f"  {PHONE} ", LONG + EMAIL),
        ("部長", "", ""),
    ),
)


def shown(*pages: Page) -> list[str]:
    """The passages of the pages, masked."""
    finds = by_page(find for page in pages for find in find_on_page(page))
    passages = passages_of(SOURCE, pages, CHUNKING, finds)
    return [masked(passage.text, passage.personal_data or ()) for passage in passages]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"当番 {PHONE}", ["当番 〔電話番号〕"]),
        (
            f"  第1条 連絡\n {PHONE}\n第2条 宛先 {EMAIL}",
            ["第1条 連絡\n 〔電話番号〕", "第2条 宛先 〔メールアドレス〕"],
        ),
        # Cut in two, each piece of the address is masked.
        ("あ" * 70 + f" {EMAIL}", ["あ" * 70, "〔メールアドレス〕"]),
        ("あ" * 75 + "東京都千代田区千代田1-1" + "い" * 10, None),
    ],
)
def test_passages_have_the_spans_that_fall_into_them(text, expected):
    found = shown(Page(kind="page", number=1, text=text))
    assert found == expected if expected else not any("千代田" in passage for passage in found)


def test_the_head_of_a_cut_article_has_its_spans_in_every_piece():
    found = shown(Page(kind="page", number=1, text=f"第5条 当番 {PHONE}\n\n{LONG}宛先は{EMAIL}とする。"))
    assert len(found) > 1 and all(passage.startswith("第5条 当番 〔電話番号〕\n") for passage in found)
    assert found[-1].endswith("宛先は〔メールアドレス〕とする。")


def test_rows_have_the_spans_of_their_cells_and_titles():
    text = "\n".join(" | ".join(row) for row in ROSTER.rows)
    first, *others = shown(Page(kind="sheet", number=1, label="名簿", text=text, tables=(ROSTER,)))
    assert first == "氏名: 〔氏名〕\n連絡先 〔電話番号〕: 〔電話番号〕"
    assert "".join(others).count("〔メールアドレス〕") == 1


def test_a_text_on_a_page_twice_is_masked_where_one_of_them_is_personal():
    page, finds = Page(kind="page", number=1, text="第1条 山川\n第1条 山川"), PageFinds()
    for start, expected in ((4, "第1条 〔氏名〕"), (11, "第1条 〔氏名〕")):
        finds.text = [PersonalSpan(kind="name", start=start, end=start + 2)]
        (passage,) = passages_of(SOURCE, [page], CHUNKING, {1: finds})
        assert masked(passage.text, passage.personal_data or ()) == expected


def test_every_piece_is_placed_where_its_characters_stand():
    letters = random.Random(5)
    for _ in range(300):
        text = "".join(letters.choices("あいう。、\n 第1条 \n\n", k=letters.randint(1, 400)))
        for piece in pieces_of(text, CHUNKING):
            for part in piece.parts:
                there = text[part.start : part.start + part.length]
                assert there == piece.text[part.at : part.at + part.length]


# -- a built index ------------------------------------------------------------------------------
TEXT = f"夜間の当番は山川、電話は{PHONE}である。宛先は{EMAIL}とする。"


def built(folder, model, source):
    run = make_run(folder)
    build_index(run, RetrievalSpec(sources=(source,), embedding_model=model))
    return run.output_dir


def search(folder, model, question, mode):
    index = Index(folder)
    (hit,) = index.search(question, Embedder(model), limit=1, groups=EVERYONE, personal_data=mode)
    index.close()
    return hit


@pytest.mark.parametrize("with_file", [True, False], ids=["found by ingest", "read by an earlier release"])
def test_what_is_indexed_stays_raw(tmp_path, embedding_model, document, with_file):
    source = document("当番", [TEXT])
    if with_file:
        (page,) = [Page.model_validate_json(line) for line in source.pages_path.read_text().splitlines()]
        lines = "".join(find.model_dump_json() + "\n" for find in find_on_page(page))
        source.pages_path.with_name(PERSONAL_DATA_FILE).write_text(lines)
        write_manifest(source.pages_path.parent, "pages")
    folder = built(tmp_path / "run", embedding_model, source)
    raw, hidden = (search(folder, embedding_model, PHONE, mode) for mode in ("raw", "masked"))
    assert (raw.text, raw.personal_data) == (TEXT, "raw")
    assert [TEXT[span.start : span.end] for span in raw.spans] == [PHONE, EMAIL]
    assert (hidden.text, hidden.personal_data, hidden.spans) == (
        "夜間の当番は山川、電話は〔電話番号〕である。宛先は〔メールアドレス〕とする。",
        "masked",
        (),
    )
    assert raw.lexical_score > hidden.lexical_score


def test_an_index_of_an_earlier_release_gives_out_no_masked_text(tmp_path, embedding_model, document):
    folder = built(tmp_path / "run", embedding_model, document("当番", [TEXT]))
    for file in (*folder.glob("bm25-masked-*"), *folder.glob("*masked*"), folder / "manifest.json"):
        file.unlink(missing_ok=True)
    facts = {"embedding_model": str(embedding_model), "unrelated_cosine": 0.5}
    write_manifest(folder, "index", **facts)
    assert search(folder, embedding_model, PHONE, "raw").text == TEXT
    with pytest.raises(ArtifactDamaged, match="ranked masked passages by what they hide"):
        search(folder, embedding_model, PHONE, "masked")


# -- scores ---------------------------------------------------------------------------------------
PAIRS = [f"{number:02}" for number in range(100)]
NEIGHBOURS = ("鍵は守衛室にある。内線は56である。", f"部長の宛先は{EMAIL}である。", "会議は9時から。")


def with_number(number, where):
    """A page whose text, or the heading above it, has this telephone number."""
    if where == "text":
        return f"夜間の当番の電話は{number}である。"
    text = "夜間の当番は守衛室にいる。"
    heading = Heading(level=1, text=f"当番の電話 {number}")
    if where == "heading above the page":
        block = Block(kind="paragraph", start=0, end=len(text))
        return Page(kind="page", number=1, text=text, headings=(heading,), blocks=(block,))
    start = len(heading.text) + 1
    long = (text * 9)[:79]
    blocks = (
        Block(kind="heading", level=1, start=0, end=start - 1),
        *(Block(kind="paragraph", start=start + 80 * n, end=start + 80 * n + len(long)) for n in range(12)),
    )
    return Page(kind="page", number=1, text="\n".join([heading.text, *[long] * 12]), blocks=blocks)


def index_with(folder, model, document, number, where="text"):
    """Passages, one of which has this telephone number; another has two of its digits as plain text."""
    sources = [
        document(f"{folder.name}-{position}", [page]).model_copy(update={"document_id": f"doc-{position}"})
        for position, page in enumerate((with_number(number, where), *NEIGHBOURS))
    ]
    run = make_run(folder)
    build_index(run, RetrievalSpec(sources=sources, embedding_model=model))
    return Index(run.output_dir)


def scores(index, query, vector, **shown):
    """By document: everything that a search says of its passages beside their text."""
    hits = index.search_vector(query, vector, limit=10, groups=EVERYONE, **shown)
    return [(hit.source.document_id, hit.score, hit.dense_score, hit.lexical_score) for hit in hits]


@pytest.mark.parametrize(
    ("shown", "reveals"),
    [
        ({"personal_data": "masked"}, False),
        ({"personal_data": "raw", "masked_document_ids": ("doc-0",)}, False),
        ({"personal_data": "raw"}, True),
        ({"personal_data": "raw", "masked_document_ids": ("doc-1", "doc-2")}, True),
    ],
    ids=["masked", "masked elsewhere", "raw", "others masked elsewhere"],
)
def test_scores_tell_nothing_of_what_is_masked(tmp_path, embedding_model, document, shown, reveals):
    first = index_with(tmp_path / "1", embedding_model, document, "090-1234-5678")
    second = index_with(tmp_path / "2", embedding_model, document, "080-9876-4321")
    vectors = Embedder(embedding_model).embed(PAIRS, "query")
    told = [
        pair
        for pair, vector in zip(PAIRS, vectors, strict=True)
        if scores(first, pair, vector, **shown) != scores(second, pair, vector, **shown)
    ]
    assert bool(told) == reveals
    assert not reveals or {"12", "98"} <= set(told)
    # Asked with one vector, the passage itself has one score for all pairs that no other text holds.
    held = {"90", "56", "09"}
    of_passage = {
        score
        for pair in PAIRS
        if pair not in held
        for name, score, *_ in scores(first, pair, vectors[0], **shown)
        if name == "doc-0"
    }
    assert (len(of_passage) > 1) == reveals


@pytest.mark.parametrize("where", ["heading above the page", "heading on the page"])
def test_scores_tell_nothing_of_what_a_heading_hides(tmp_path, embedding_model, document, where):
    first = index_with(tmp_path / "1", embedding_model, document, "090-1234-5678", where)
    second = index_with(tmp_path / "2", embedding_model, document, "080-9876-4321", where)
    vectors = Embedder(embedding_model).embed(PAIRS, "query")
    told = {
        mode: [
            pair
            for pair, vector in zip(PAIRS, vectors, strict=True)
            if scores(first, pair, vector, personal_data=mode)
            != scores(second, pair, vector, personal_data=mode)
        ]
        for mode in ("raw", "masked")
    }
    assert {"12", "98"} <= set(told["raw"]) and not told["masked"]


def test_a_masked_search_finds_candidates_by_masked_text_alone(tmp_path, embedding_model, document):
    """More passages than are proposed: their order before the cut tells nothing either."""
    crowd = [
        document(f"{n}", [f"当番{n % 7}の電話は090-{n:04}-{n * 7 % 10000:04}である。"]) for n in range(250)
    ]
    run = make_run(tmp_path / "run")
    build_index(run, RetrievalSpec(sources=crowd, embedding_model=embedding_model))
    index, embedder = Index(run.output_dir), Embedder(embedding_model)

    def found(mode):
        hits = index.search("090-0123-0861", embedder, limit=1, groups=EVERYONE, personal_data=mode)
        return hits[0].source.document_id

    assert found("raw") == "doc-123"
    texts = {
        hit.text
        for hit in index.search("090-0123-0861", embedder, limit=100, groups=EVERYONE, personal_data="masked")
    }
    assert texts <= {f"当番{n}の電話は〔電話番号〕である。" for n in range(7)}
    assert found("masked") != "doc-123"


def test_masked_vectors_are_kept_by_the_next_build(tmp_path, embedding_model, document, monkeypatch):
    source, embedded = document("当番", [TEXT]), []
    first = built(tmp_path / "1", embedding_model, source)
    original = Embedder.embed

    def embed(self, texts, role, progress=None):
        embedded.extend(texts if role == "passage" else ())
        return original(self, texts, role, progress)

    monkeypatch.setattr(Embedder, "embed", embed)
    run = make_run(tmp_path / "2")
    spec = RetrievalSpec(sources=(source,), embedding_model=embedding_model, previous_index=first)
    build_index(run, spec)
    assert not [text for text in embedded if "当番" in text]
    again, before = (search(folder, embedding_model, "当番", "masked") for folder in (run.output_dir, first))
    assert again == before


def test_the_label_of_a_place_leaves_the_index_as_the_text_does(tmp_path):
    page = Page(kind="section", number=1, label="担当者:山田太郎様", text="当番は夜間とする。")
    write_passages(tmp_path, passages_of(SOURCE, [page], CHUNKING, by_page(find_on_page(page))))
    ((_, passage),) = PassageStore(tmp_path).read([0])
    assert (passage.source.label, passage.masked_source.label) == (page.label, "担当者:〔氏名〕様")
