"""Addresses of the room Chat."""

from __future__ import annotations

from django.urls import path

from chat import views

app_name = "chat"
urlpatterns = [
    path("", views.index, name="index"),
    path("/ask", views.ask, name="ask"),
    path("/<conversation_id>", views.conversation, name="conversation"),
    path("/<conversation_id>/ask", views.ask, name="ask_again"),
    path("/<conversation_id>/delete", views.delete, name="delete"),
    path("/<conversation_id>/messages/<message_id>/feedback", views.feedback, name="feedback"),
]
