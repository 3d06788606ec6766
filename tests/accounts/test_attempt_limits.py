"""The limits on attempts to give a password: for each account, each address and each known browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.attempt_limits import (
    OF_ACCOUNT,
    OF_ADDRESS,
    TooManyAttempts,
    attempt_counts_sweep,
    attempt_succeeded,
    network_of,
    password_attempt,
)
from accounts.models import AttemptCount
from accounts.services import user_create

pytestmark = pytest.mark.slow

PASSWORD = "soba-to-udon-2026"
EMAIL = "hanako@kaku.example"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    """Time passes by `pass_time` alone: on a busy machine a wait of seconds is over before the next attempt."""
    moment = timezone.now()
    monkeypatch.setattr("accounts.attempt_limits.timezone", SimpleNamespace(now=lambda: moment))


@pytest.fixture
def person(db):
    return user_create(email=EMAIL, name="花子", password=PASSWORD)


def sign_in(client: Client, email: str, password: str, address: str = "10.0.0.1"):
    return client.post(
        "/sign-in",
        {"username": email, "password": password, "next": ""},
        REMOTE_ADDR=address,
        HTTP_ACCEPT_LANGUAGE="en",
    )


def pass_time(**past: float) -> None:
    """As if the counts were older."""
    AttemptCount.objects.update(
        counted_at=F("counted_at") - timedelta(**past), free_at=F("free_at") - timedelta(**past)
    )


def refused(**attempt: str) -> timedelta | None:
    """How long an attempt is refused."""
    try:
        password_attempt(**attempt)
    except TooManyAttempts as error:
        return timedelta(seconds=error.retry_after_seconds)
    return None


def test_right_password_is_refused_too_after_many_failures(person):
    for _attempt in range(OF_ACCOUNT.free + 1):
        assert sign_in(Client(), EMAIL, "wrong").status_code == 200
    answer = sign_in(Client(), EMAIL.upper(), PASSWORD)
    assert answer.status_code == 429
    assert "Too many attempts failed. Try again in" in answer.content.decode()
    pass_time(seconds=5)
    assert sign_in(Client(), EMAIL, PASSWORD).status_code == 302


def test_failures_of_an_account_count_from_all_addresses(person):
    for number in range(OF_ACCOUNT.free + 1):
        sign_in(Client(), EMAIL, "wrong", address=f"10.0.{number}.1")
    assert sign_in(Client(), EMAIL, PASSWORD, address="10.9.9.9").status_code == 429


def test_unknown_account_is_limited_like_a_known_one(person):
    answers = {}
    for email in (EMAIL, "nobody@kaku.example"):
        codes = [sign_in(Client(), email, "wrong").status_code for _attempt in range(OF_ACCOUNT.free + 2)]
        answers[email] = codes
    assert answers[EMAIL] == answers["nobody@kaku.example"]
    assert answers[EMAIL][-1] == 429


def test_wait_grows_with_each_failure(db):
    waits = []
    for _attempt in range(OF_ACCOUNT.free + 12):
        wait = refused(account=EMAIL, address="10.0.0.1")
        if wait is not None:
            waits.append(wait)
            pass_time(seconds=wait.total_seconds())
            assert refused(account=EMAIL, address="10.0.0.1") is None
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds[:3] == [4, 8, 16]
    assert seconds == sorted(seconds)
    # While it waits, one failure after the other is forgotten.
    assert timedelta(minutes=10) < max(waits) <= OF_ACCOUNT.longest_wait


def test_success_forgets_the_failures_of_the_account(person):
    for _attempt in range(OF_ACCOUNT.free - 1):
        sign_in(Client(), EMAIL, "wrong")
    assert sign_in(Client(), EMAIL, PASSWORD).status_code == 302
    for _attempt in range(OF_ACCOUNT.free):
        assert sign_in(Client(), EMAIL, "wrong").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_all_counted():
    def guess(_number: int) -> bool:
        try:
            return refused(account=EMAIL, address="10.0.0.1") is None
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        admitted = sum(pool.map(guess, range(60)))
    assert admitted == OF_ACCOUNT.free + 1


@pytest.mark.django_db(transaction=True)
def test_guesses_at_many_accounts_from_one_address_are_all_counted():
    def guess(number: int) -> bool:
        try:
            return refused(account=f"person{number}@kaku.example", address="10.0.0.1") is None
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        admitted = sum(pool.map(guess, range(OF_ADDRESS.free + 60)))
    # While they run, some failures are forgotten, and the first wait of a second passes.
    assert OF_ADDRESS.free < admitted < OF_ADDRESS.free + 20
    assert refused(account=EMAIL, address="10.0.0.2") is None


def test_many_people_behind_one_address_sign_in(db):
    for number in range(3 * OF_ADDRESS.free):
        attempt = password_attempt(account=f"person{number}@kaku.example", address="10.0.0.1")
        attempt_succeeded(attempt)
    assert refused(account=EMAIL, address="10.0.0.1") is None


def test_known_browser_is_not_kept_out_by_failures_elsewhere(person):
    browser = Client()
    assert sign_in(browser, EMAIL, PASSWORD).status_code == 302
    browser.post("/sign-out")
    for number in range(OF_ADDRESS.free + 2):
        refused(account=f"person{number}@kaku.example", address="10.0.0.1")
    for _attempt in range(OF_ACCOUNT.free + 2):
        sign_in(Client(), EMAIL, "wrong")
    assert sign_in(Client(), EMAIL, PASSWORD).status_code == 429
    assert sign_in(browser, EMAIL, PASSWORD).status_code == 302


def test_guesses_from_a_known_browser_are_limited(person):
    browser = Client()
    sign_in(browser, EMAIL, PASSWORD)
    browser.post("/sign-out")
    for _attempt in range(OF_ACCOUNT.free + 1):
        sign_in(browser, EMAIL, "wrong")
    assert sign_in(browser, EMAIL, PASSWORD).status_code == 429
    # The cookie is of this account alone.
    user_create(email="taro@kaku.example", name="太郎", password=PASSWORD)
    assert sign_in(browser, "taro@kaku.example", PASSWORD).status_code == 302


def test_forged_browser_cookie_is_ignored(person):
    client = Client()
    client.cookies["kosha_browser"] = "forged:value:here"
    assert sign_in(client, EMAIL, PASSWORD).status_code == 302


def test_only_digests_are_stored_and_old_ones_are_deleted(person):
    sign_in(Client(), "my-secret-password", "x")
    assert all(len(key) == 64 for key in AttemptCount.objects.values_list("key", flat=True))
    attempt_counts_sweep()
    assert AttemptCount.objects.exists()
    pass_time(days=2)
    attempt_counts_sweep()
    assert not AttemptCount.objects.exists()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_network_of_an_address(address, network):
    assert network_of(address) == network
