"""`{% csrf_token %}` with the organization that the page was opened in, for every form of the console.

A person may work in two tabs. A form that was opened in one organization and is sent after a switch to another must not
change the other: `middleware/authorization.py` compares the two.
"""

from __future__ import annotations

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.permissions import PAGE_ORGANIZATION

register = template.Library()


class FormTokenNode(CsrfTokenNode):
    def render(self, context: Context) -> SafeString:
        token = super().render(context)
        principal = context.get("principal")
        if principal is None or principal.organization_id is None:
            return SafeString(token)
        field = '{}<input type="hidden" name="{}" value="{}">'
        return format_html(field, SafeString(token), PAGE_ORGANIZATION, principal.organization_id)


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormTokenNode:
    return FormTokenNode()
