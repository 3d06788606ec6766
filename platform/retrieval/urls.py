"""Addresses of the knowledge base pages."""

from __future__ import annotations

from django.urls import path

from retrieval import views

app_name = "knowledge"
urlpatterns = [
    path("knowledge", views.index, name="index"),
    path("knowledge/new", views.create, name="create"),
    path("knowledge/<knowledge_id>", views.detail, name="detail"),
    path("knowledge/<knowledge_id>/add", views.add, name="add"),
    path("knowledge/<knowledge_id>/personal-data", views.personal_data, name="personal_data"),
    path("knowledge/<knowledge_id>/build-again", views.build_again, name="build_again"),
    path("knowledge/<knowledge_id>/remove/<document_id>", views.remove, name="remove"),
    path("knowledge/<knowledge_id>/delete", views.delete, name="delete"),
]
