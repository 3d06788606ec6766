"""Addresses of the chat pages."""

from __future__ import annotations

from django.urls import path

from chat import views

app_name = "chat"
urlpatterns = [
    path("chat", views.index, name="index"),
    path("chat/ask", views.ask, name="ask"),
    path("chat/<conversation_id>", views.conversation, name="conversation"),
    path("chat/<conversation_id>/ask", views.ask, name="ask_again"),
    path("chat/<conversation_id>/delete", views.delete, name="delete"),
    path("chat/<conversation_id>/messages/<message_id>/feedback", views.feedback, name="feedback"),
]
