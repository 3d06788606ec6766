"""Addresses of the evaluation pages."""

from __future__ import annotations

from django.urls import path

from evaluations import views

app_name = "evaluations"
urlpatterns = [
    path("evaluations", views.index, name="index"),
    path("evaluations/new", views.create, name="create"),
    path("evaluations/<evaluation_id>", views.detail, name="detail"),
    path("evaluations/<evaluation_id>/items", views.browse, name="items"),
]
