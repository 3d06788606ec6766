"""Addresses of the room Evaluation."""

from __future__ import annotations

from django.urls import path

from evaluations import views

app_name = "evaluations"
urlpatterns = [
    path("", views.index, name="index"),
    path("/new", views.create, name="create"),
    path("/<evaluation_id>", views.detail, name="detail"),
    path("/<evaluation_id>/items", views.browse, name="items"),
]
