"""The language of an answer: English for the API, the reader's choice for the console."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from common.error_answers import is_api
from common.language import API_LANGUAGE


class LanguageMiddleware(LocaleMiddleware):
    """A program compares and logs the API's sentences, so they do not depend on `Accept-Language`."""

    def process_request(self, request: HttpRequest) -> None:
        if not is_api(request):
            super().process_request(request)
            return
        translation.activate(API_LANGUAGE)
        request.LANGUAGE_CODE = API_LANGUAGE  # type: ignore[attr-defined]
