"""A new app is found by its name in KOSHA_APPS alone: its pages, its API and who may use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

APP = {
    "toy/__init__.py": "",
    "toy/urls.py": """
from django.http import HttpResponse
from django.urls import path

def page(request):
    return HttpResponse("a page")

urlpatterns = [path("toy", page), path("toy/undeclared", page)]
""",
    "toy/api.py": """
from ninja import Router

router = Router(tags=["Toys"])

@router.get("/toys", summary="List toys")
def toys(request):
    return {"object": "list"}
""",
    "toy/routes.py": """
from common.permissions import Access

RULES = {"GET toy": Access.OPEN, "GET v1/toys": Access.OPEN}
""",
    "toy_settings.py": """
from config.settings import *

KOSHA_APPS = [*KOSHA_APPS, "toy"]
INSTALLED_APPS = [*INSTALLED_APPS, "toy"]
ALLOWED_HOSTS = ["testserver"]
""",
    "ask.py": """
import json
import django

django.setup()

from django.test import Client
from accounts.principal import Principal
from audit.services import SYSTEM
import middleware.authorization as authorization

client, answers = Client(), {}
for path in ("/toy", "/v1/toys", "/toy/undeclared"):
    answer = client.get(path)
    answers[path] = [answer.status_code, answer.content.decode()]
authorization.principal_by_session = lambda request: Principal(SYSTEM, None, None, is_operator=True)
answers["operator"] = client.get("/toy/undeclared", headers={"Accept-Language": "en"}).status_code
print(json.dumps(answers))
""",
}


@pytest.mark.slow
def test_new_app_needs_no_edit_but_its_name(repository, tmp_path):
    for name, content in APP.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    path = os.pathsep.join(map(str, (tmp_path, repository / "platform", repository)))
    done = subprocess.run(
        [sys.executable, "ask.py"],
        env={**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "toy_settings"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["/toy"] == [200, "a page"]
    assert answers["/v1/toys"] == [200, '{"object": "list"}']
    # What no `routes.py` declares is refused: to strangers as a page of ours, to others as a method.
    assert answers["/toy/undeclared"][0] == 302
    assert answers["operator"] == 405
