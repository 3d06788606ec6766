"""Datasets of chosen documents: by a rule or one by one; and that something is held out where an evaluation follows."""

from __future__ import annotations

import pytest

from common.errors import InvalidRequest
from curation.choice import DocumentRule, next_choice, rule_of
from curation.models import DatasetVersion
from curation.services import dataset_version_create
from documents.models import Document
from documents.selectors import folders_of, ready_documents
from documents.services import document_delete
from tests.world import World, fail

pytestmark = pytest.mark.slow

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def documents(world: World) -> dict[str, Document]:
    """By the first letter of their names."""
    found = {}
    for name, facts in {
        "a 就業規則.pdf": {"media_type": PDF, "title": "就業規則"},
        "b 旅費.docx": {"media_type": WORD},
        "c 旅費.pdf": {"media_type": PDF},
        "d メモ.txt": {"title": "旅費のメモ"},
    }.items():
        found[name[0]] = world.document(name, name, **facts)
    for letter, folder in {"a": "総務/規程", "b": "総務", "c": "総務部"}.items():
        Document.objects.filter(pk=found[letter].pk).update(name=f"{folder}/{found[letter].name}")
    world.upload("e 未読.txt")
    return found


@pytest.mark.parametrize("is_failed", [False, True], ids=["waits to be read", "could not be read"])
def test_a_document_keeps_its_last_read_revision_until_a_newer_one_is_read(
    world: World, api, is_failed: bool
) -> None:
    read = world.document("規程.pdf", "本文", media_type=PDF, title="旅費規程").current_revision
    document = world.upload("規程.pdf", "新しい本文")
    if is_failed:
        fail(document.current_revision.job, "ingest.user.damaged")
    path = f"datasets/{world.dataset().id}/versions"
    for asked in ({}, {"documents": {"kind": "pdf", "search": "旅費"}}, {"file_ids": [document.id]}):
        made = api.post(path, asked).ok
        listed = api.get(f"{path}/{made['id']}/files").ok["data"]
        assert [file["id"] for file in listed] == [read.id], asked


RULES = {
    "everything": ({}, "abcd"),
    "a folder and those below it": ({"folder": "総務"}, "ab"),
    "the name of a folder may begin another": ({"folder": "総務部"}, "c"),
    "slashes around a folder": ({"folder": "/総務/規程/"}, "a"),
    "a kind": ({"kind": "pdf"}, "ac"),
    "a search in names and titles": ({"search": "旅費"}, "bcd"),
    "all three": ({"folder": "総務", "kind": "word", "search": "旅費"}, "b"),
}


@pytest.mark.parametrize(("rule", "letters"), RULES.values(), ids=RULES)
def test_a_rule_chooses_documents_by_folder_kind_and_search(
    world: World, api, documents, rule, letters
) -> None:
    path = f"datasets/{world.dataset().id}/versions"
    made = api.post(path, {"documents": rule} if rule else {}).ok
    listed = api.get(f"{path}/{made['id']}/files").ok["data"]
    assert {file["file_id"] for file in listed} == {documents[letter].id for letter in letters}
    assert made["documents"] == {"folder": "", "kind": "", "search": "", **rule, **(
        {"folder": rule["folder"].strip("/")} if "folder" in rule else {}
    )}  # fmt: skip


def test_documents_are_named_one_by_one_or_by_a_rule(world: World, api, documents) -> None:
    path = f"datasets/{world.dataset().id}/versions"
    made = api.post(path, {"file_ids": [documents["d"].id]}).ok
    assert made["documents"] is None
    (file,) = api.get(f"{path}/{made['id']}/files").ok["data"]
    assert (file["file_id"], file["id"]) == (documents["d"].id, documents["d"].current_revision_id)
    both = {"file_ids": [documents["d"].id], "documents": {"kind": "pdf"}}
    assert api.post(path, both).error == (400, "conflicting_parameters", "documents")


REFUSED = {
    "an unknown kind": ({"documents": {"kind": "exe"}}, ("invalid_value", "documents.kind")),
    "an unknown field": ({"documents": {"colour": "red"}}, ("unknown_parameter", "documents.colour")),
    "nothing matches": ({"documents": {"folder": "営業"}}, ("no_documents", "documents")),
    "nothing is held out": ({"heldout_share": 0}, ("no_heldout_data", "heldout_share")),
}


@pytest.mark.parametrize(("body", "error"), REFUSED.values(), ids=REFUSED)
def test_a_choice_that_makes_no_version_is_refused(world: World, api, documents, body, error) -> None:
    refused = api.post(f"datasets/{world.dataset().id}/versions", body).error
    assert refused == (400, *error)
    assert not DatasetVersion.objects.exists()


def test_nothing_is_held_out_where_no_evaluation_follows(world: World, api, documents) -> None:
    path = f"datasets/{world.dataset().id}/versions"
    made = api.post(path, {"heldout_share": 0, "without_evaluation": True}).ok
    assert DatasetVersion.objects.get(pk=made["id"]).job.spec["heldout_share"] == 0


def test_folders_are_listed_with_those_above_them(documents) -> None:
    assert folders_of(ready_documents()) == ["総務", "総務/規程", "総務部"]


def create(world: World, dataset, documents=None, **rule) -> DatasetVersion:
    return dataset_version_create(
        dataset=dataset, documents=documents, rule=DocumentRule(**rule), heldout_share=0.1, actor=world.actor
    )


def test_the_next_version_is_chosen_as_the_newest_was(world: World, documents) -> None:
    dataset = world.dataset()
    assert next_choice(dataset) == (None, DocumentRule())
    version = create(world, dataset, kind="pdf")
    assert rule_of(version) == DocumentRule(kind="pdf")
    assert next_choice(dataset) == (None, DocumentRule(kind="pdf"))
    named = create(world, dataset, [documents["b"], documents["d"]])
    assert rule_of(named) is None
    document_delete(document_id=documents["d"].id, actor=world.actor)
    left, _rule = next_choice(dataset)
    assert left == [documents["b"]]
    document_delete(document_id=documents["b"].id, actor=world.actor)
    with pytest.raises(InvalidRequest) as refused:
        next_choice(dataset)
    assert (refused.value.code, refused.value.param) == ("no_documents", "file_ids")


# -- the console --------------------------------------------------------------------------------


def built(browser, dataset, **form) -> DatasetVersion | None:
    answer = browser.post(f"/datasets/{dataset.id}/build", {"heldout_percent": "10", **form})
    newest = DatasetVersion.objects.order_by("-number").first()
    assert (answer.status_code == 302) == (newest is not None), answer.content.decode()
    return newest


def letters_of(version: DatasetVersion, documents) -> str:
    names = {document.id: letter for letter, document in documents.items()}
    return "".join(sorted(names[revision.document_id] for revision in version.revisions.all()))


CHOSEN = {
    "what matches": ({"mode": "rule", "kind": "pdf"}, "ac"),
    "what is ticked": ({"mode": "named", "kind": "pdf", "document": "bd"}, "bd"),
    "ticks beside a rule that are all that match": ({"mode": "rule", "search": "メモ", "document": "d"}, "d"),
}


@pytest.mark.parametrize(("form", "letters"), CHOSEN.values(), ids=CHOSEN)
def test_the_page_builds_what_was_chosen(world: World, documents, form, letters) -> None:
    ticked = [documents[letter].id for letter in form.get("document", "")]
    version = built(world.browser(), world.dataset(), **{**form, "document": ticked})
    assert letters_of(version, documents) == letters


def test_showing_builds_nothing_and_keeps_what_was_ticked(world: World, documents) -> None:
    dataset, browser = world.dataset(), world.browser()
    form = {
        "show": "1",
        "mode": "named",
        "search": "メモ",
        "document": documents["b"].id,
        "heldout_percent": "0",
    }
    answer = browser.post(f"/datasets/{dataset.id}/build", form)
    page = answer.content.decode()
    assert answer.status_code == 200 and not DatasetVersion.objects.exists()
    assert f'value="{documents["d"].id}">' in page
    assert f'value="{documents["b"].id}" checked' in page and "Ticked, but not matching now" in page
    assert documents["a"].id not in page


def test_the_page_begins_with_the_choice_of_the_newest_version(world: World, documents) -> None:
    dataset, browser = world.dataset(), world.browser()
    create(world, dataset, [documents["b"]])
    offer = browser.get(f"/datasets/{dataset.id}/build").context["offer"]
    assert (offer.is_named, offer.ticked) == (True, {documents["b"].id})
    create(world, dataset, folder="総務")
    offer = browser.get(f"/datasets/{dataset.id}/build").context["offer"]
    assert (offer.is_named, offer.rule, offer.matches) == (False, DocumentRule(folder="総務"), 2)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"mode": "named"}, "Tick at least one document"),
        ({"mode": "named", "document": [f"file-{n}" for n in range(501)]}, "Tick at most 500 documents"),
        ({"search": "存在しない"}, "No document that has been read matches"),
        (
            {"heldout_percent": "0"},
            "Hold out a share (10 percent is usual), or say that no evaluation follows",
        ),
    ],
)
def test_the_page_says_what_is_missing(world: World, documents, form, words) -> None:
    answer = world.browser().post(f"/datasets/{world.dataset().id}/build", {"heldout_percent": "10", **form})
    assert answer.status_code == 400 and words in answer.content.decode()
    assert not DatasetVersion.objects.exists()


def test_a_version_shows_its_documents_and_how_they_were_chosen(world: World, documents) -> None:
    dataset, browser = world.dataset(), world.browser("viewer")
    by_rule = browser.get(
        f"{create(world, dataset, folder='総務').get_absolute_url()}/documents"
    ).content.decode()
    assert "“総務”" in by_rule and "a 就業規則.pdf" in by_rule and "d メモ.txt" not in by_rule
    version = create(world, dataset, [documents["d"]])
    document_delete(document_id=documents["d"].id, actor=world.actor)
    named = browser.get(f"{version.get_absolute_url()}/documents").content.decode()
    assert "Documents ticked one by one" in named and "d メモ.txt" in named and "Deleted" in named


def test_a_version_that_holds_nothing_out_says_so_before_an_evaluation(world: World) -> None:
    version, base = world.dataset_version(heldout_records=0, heldout_pairs=0), world.base_model()
    browser = world.browser()
    assert "Nothing is held out" in browser.get(version.get_absolute_url()).content.decode()
    assert "(nothing is held out)" in browser.get("/evaluations/new").content.decode()
    form = {"model": base.name, "dataset_version": version.id, "priority": "0"}
    refused = browser.post("/evaluations/new", form).content.decode()
    assert "Build one with a held-out share" in refused
