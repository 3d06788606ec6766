"""The routes of sign-in, sign-out, language, password, invitations and the organization switcher."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from accounts import link_views, views

urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign_in"),
    path("sign-out", views.SignOut.as_view(), name="sign_out"),
    path("language", set_language, name="set_language"),
    path("organization", views.choose_organization, name="choose_organization"),
    path("account/password", views.ChangePassword.as_view(), name="change_password"),
    path("account/password/forgotten", link_views.forgotten_password, name="forgotten_password"),
    path("account/password/links/<secret>", link_views.open_password_link, name="open_password_link"),
    path("account/password/new", link_views.new_password, name="new_password"),
    path("invitations/<secret>", link_views.open_invitation, name="open_invitation"),
    path("invitation", link_views.invitation, name="invitation"),
    path("invitation/accept", link_views.accept_invitation, name="accept_invitation"),
]
