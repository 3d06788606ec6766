"""The routes of sign-in, sign-out, language, password and the organization switcher."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from accounts import views

urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign_in"),
    path("sign-out", views.SignOut.as_view(), name="sign_out"),
    path("language", set_language, name="set_language"),
    path("organization", views.choose_organization, name="choose_organization"),
    path("account/password", views.ChangePassword.as_view(), name="change_password"),
]
