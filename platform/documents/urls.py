"""Addresses of the room Documents."""

from __future__ import annotations

from django.urls import path

from documents import views

app_name = "documents"
urlpatterns = [
    path("", views.index, name="index"),
    path("/upload", views.upload, name="upload"),
    path("/<document_id>", views.detail, name="detail"),
    path("/<document_id>/content", views.content, name="content"),
    path("/<document_id>/delete", views.delete, name="delete"),
]
