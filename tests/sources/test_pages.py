"""The API and the pages of sources; the secret key is never shown."""

from __future__ import annotations

import pytest

from common.secrets import SecretUnreadable, decrypt, encrypt
from sources.models import Source
from sources.places import BucketPlace
from sources.services import source_create, sync_secrets
from workers.contract.specs.sync import SECRET_VARIABLE

SECRET = "very-secret-key"
BUCKET = {"kind": "s3", "endpoint": "https://s3.example.co.jp", "bucket": "documents", "access_key": "reader"}


def test_a_source_lives_through_the_api(share, api, world):
    share.write({"a.txt": "a"})
    share.sync()
    assert api.post("sources", {"name": "x", "place": {"kind": "folder", "folder": "etc"}}).error == (
        400,
        "folder_not_allowed",
        "folder",
    )
    body = api.get(f"sources/{share.source.id}").ok
    assert (body["name"], body["documents"], body["place"]) == (
        "総務",
        1,
        {"kind": "folder", "folder": "somu"},
    )
    assert body["last_sync"]["files"]["new"] == 1
    assert api.post(f"sources/{share.source.id}", {"interval_minutes": 0}).ok["next_sync_at"] is None
    started = api.post(f"sources/{share.source.id}/sync").ok
    assert api.post(f"sources/{share.source.id}/sync").error[:2] == (409, "sync_in_progress")
    assert api.post(f"sources/{share.source.id}/syncs/{started['id']}/cancel").status == 200
    assert api.get(f"jobs/{started['job']}").ok["status"] == "cancelled"
    assert len(api.get(f"sources/{share.source.id}/syncs").ok["data"]) == 2
    assert api.delete(f"sources/{share.source.id}?documents=delete").ok["deleted"]
    assert api.get("sources").ok["data"] == []
    assert api.get(f"sources/{share.source.id}").status == 404


def test_the_secret_key_goes_in_and_never_comes_out(world, api):
    body = api.post(
        "sources", {"name": "棚", "place": BUCKET | {"prefix": "/規程/"}, "secret_key": SECRET}
    ).ok
    assert body["has_secret_key"] and body["place"]["prefix"] == "規程/"
    source = Source.objects.get()
    spec = source.syncs.get().job.spec
    assert sync_secrets(spec) == {SECRET_VARIABLE: SECRET}
    assert SECRET not in repr([body, spec, source.secret])
    browser = world.browser()
    for page in ("", "/edit"):
        answer = browser.get(f"/sources/{source.id}{page}").content.decode()
        assert "s3.example.co.jp" in answer and SECRET not in answer
    # Left empty, it stays; of a deleted source nothing stays.
    fields = {name: body["place"][name] for name in ("endpoint", "bucket", "region", "access_key")}
    browser.post(
        f"/sources/{source.id}/edit", fields | {"inside": "", "secret_key": "", "interval_minutes": 60}
    )
    source.refresh_from_db()
    assert source.place["prefix"] == "" and decrypt(source.secret, owner=source.id) == SECRET
    browser.post(f"/sources/{source.id}/delete", {"documents": "keep"})
    source.refresh_from_db()
    assert source.secret == "" and source.deleted_at


def test_a_secret_is_bound_to_its_row_and_to_the_installation(settings):
    encrypted = encrypt(SECRET, owner="src_1")
    assert decrypt(encrypted, owner="src_1") == SECRET and encrypt(SECRET, owner="src_1") != encrypted
    for owner, content in (("src_2", encrypted), ("src_1", encrypted[:-8] + "AAAAAAA="), ("src_1", "?")):
        with pytest.raises(SecretUnreadable):
            decrypt(content, owner=owner)
    settings.SECRET_KEY = "x" * 50
    with pytest.raises(SecretUnreadable):
        decrypt(encrypted, owner="src_1")


@pytest.mark.parametrize(
    "endpoint",
    [
        "ftp://a",
        "https://",
        "https://a/b",
        "https://a?b",
        "https://u:p@a",
        "https://a:x",
        "a.example",
        "https://a:0",
    ],
)
def test_an_address_is_an_origin_and_nothing_more(world, api, endpoint):
    refused = api.post("sources", {"name": "棚", "place": BUCKET | {"endpoint": endpoint}})
    assert refused.status == 400, refused.body


def test_a_host_that_the_operator_has_not_allowed_is_refused(world, settings):
    settings.KOSHA_BUCKET_HOSTS = ("other.example",)
    place = BucketPlace(**BUCKET)
    with pytest.raises(Exception) as refused:
        source_create(name="棚", place=place, secret="", interval_minutes=0, actor=world.actor)
    assert refused.value.code == "endpoint_not_allowed"


def test_the_pages_show_the_state_and_ask_before_most_goes(share, world):
    share.write({"a.txt": "a", "b.exe": "b"})
    share.sync()
    browser = world.browser()
    listed = browser.get("/sources").content.decode()
    assert "New 1" in listed and "somu" in listed
    page = browser.get(share.source.get_absolute_url()).content.decode()
    assert "Files of types that cannot be read, which were skipped: 1 (b.exe)" in page
    share.remove("a.txt")
    share.sync()
    assert "Delete these documents…" in browser.get(share.source.get_absolute_url()).content.decode()
    browser.post(f"{share.source.get_absolute_url()}/sync", {"removes_all": "1"})
    share.sync()
    assert share.documents() == {}
    answer = browser.post(
        "/sources/new?kind=folder", {"name": "総務", "folder": "somu", "interval_minutes": 60}
    )
    assert "Another source has this name." in answer.content.decode()
    assert "No folder is allowed yet" not in browser.get("/sources/new").content.decode()
