"""The forms of sign-in, of one's own password, and of accepting an invitation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.attempt_limits import Attempt, TooManyAttempts, attempt_succeeded, password_attempt
from accounts.browsers import known_browser
from accounts.models import User
from accounts.services import wrong_password_note
from common.mail import is_mail_set

TOO_MANY = "too_many_attempts"
PASSWORD_RULES = gettext_lazy(
    "At least 12 characters, not a common word, not only digits, unlike your name and e-mail address."
)


def begin_attempt(request: HttpRequest, email: str) -> Attempt:
    """Count an attempt to give the password of this account. Raises ValidationError `too_many_attempts`."""
    try:
        return password_attempt(
            account=email,
            address=request.META.get("REMOTE_ADDR", ""),
            browser=known_browser(request, email),
        )
    except TooManyAttempts as error:
        raise ValidationError(str(error.message), code=TOO_MANY) from error


@contextmanager
def password_given(request: HttpRequest, email: str) -> Iterator[None]:
    """An attempt to give the password of this account: counted, and recorded if it is wrong. Raises ValidationError."""
    attempt = begin_attempt(request, email)
    try:
        yield
    except ValidationError:
        wrong_password_note(email=email, address=request.META.get("REMOTE_ADDR", ""))
        raise
    attempt_succeeded(attempt)


class SignInForm(AuthenticationForm):
    """E-mail address and password."""

    request: HttpRequest
    error_messages = {
        "invalid_login": gettext_lazy("The e-mail address or the password is not right. Check both."),
        "inactive": gettext_lazy("This account is closed. Ask an administrator of your organization."),
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Says the way out to everybody, so it does not tell whether the address has an account."""
        error = super().get_invalid_login_error()
        way_out = (
            _("For a new password choose “Password forgotten”.")
            if is_mail_set()
            else _("For a new password ask your operator for a password link.")
        )
        return ValidationError(f"{error.message} {way_out}", code=error.code)

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("username") and self.cleaned_data.get("password")):
            return self.cleaned_data
        with password_given(self.request, self.cleaned_data["username"]):
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class PasswordForm(PasswordChangeForm):
    """Another person who uses an open session must not guess the present password either."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": gettext_lazy("The present password is not right. Enter it again."),
    }

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request
        self.fields["old_password"].label = _("Present password")
        _label_new_password(self)

    def clean_old_password(self) -> str:
        with password_given(self.request, self.user.email):
            password: str = super().clean_old_password()
        return password


class FirstPasswordForm(SetPasswordForm):
    """A password of one's own, set through a one-time link."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _label_new_password(self)


def _label_new_password(form: forms.Form) -> None:
    form.fields["new_password1"].label = _("New password")
    form.fields["new_password1"].help_text = PASSWORD_RULES
    form.fields["new_password2"].label = _("New password again")
    form.fields["new_password2"].help_text = ""


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"), help_text=gettext_lazy("With which you sign in.")
    )


class NewAccountForm(forms.Form):
    """The account with which a new person accepts an invitation."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=200,
        help_text=gettext_lazy("The name that is shown with everything you do."),
    )
    password1 = forms.CharField(
        label=gettext_lazy("New password"),
        help_text=PASSWORD_RULES,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label=gettext_lazy("New password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email

    def clean_password2(self) -> str:
        first, second = self.cleaned_data.get("password1", ""), self.cleaned_data["password2"]
        if first and first != second:
            raise ValidationError(_("The two passwords are not the same."))
        validate_password(second, User(email=self.email, name=self.cleaned_data.get("name", "")))
        return str(second)
