"""Addresses of the document pages."""

from __future__ import annotations

from django.urls import path

from documents import upload_views, views

app_name = "documents"
urlpatterns = [
    path("documents", views.index, name="index"),
    path("documents/upload", upload_views.upload, name="upload"),
    path("documents/uploads", upload_views.begin, name="uploads"),
    path("documents/uploads/<upload_id>", upload_views.proceed, name="resume"),
    path("documents/<document_id>", views.detail, name="detail"),
    path("documents/<document_id>/content", views.content, name="content"),
    path("documents/<document_id>/pages/<number>/picture", views.picture, name="picture"),
    path("documents/<document_id>/personal-data", views.personal_data, name="personal_data"),
    path("documents/<document_id>/prune", views.prune, name="prune"),
    path("documents/<document_id>/stop", views.stop, name="stop"),
    path("documents/<document_id>/delete", views.delete, name="delete"),
]
