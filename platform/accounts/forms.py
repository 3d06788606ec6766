"""The forms of sign-in and of one's own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.sign_in_limit import sign_in_failed, sign_in_forgiven, sign_in_wait


class SignInForm(AuthenticationForm):
    """E-mail address and password. After too many failures attempts are refused for a while."""

    TOO_MANY = "too_many_failures"
    error_messages = {
        "invalid_login": gettext_lazy("The e-mail address or the password is not right. Check both."),
        "inactive": gettext_lazy("This account is closed. Ask an administrator of your organization."),
    }

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        wait = sign_in_wait(email=email, address=address)
        if wait is not None:
            raise ValidationError(
                _("Too many attempts failed. Try again in %(minutes)d minutes.")
                % {"minutes": -(-wait.total_seconds() // 60)},
                code=self.TOO_MANY,
            )
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            sign_in_failed(email=email, address=address)
            raise
        sign_in_forgiven(email=email, address=address)
        return cleaned


class PasswordForm(PasswordChangeForm):
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": gettext_lazy("The present password is not right. Enter it again."),
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["old_password"].label = _("Present password")
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password1"].help_text = _(
            "At least 12 characters, not a common word, not only digits, unlike your name and e-mail address."
        )
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""
