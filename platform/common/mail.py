"""Send one mail through the installation's mail server; the environment names it (`KOSHA_SMTP_HOST`)."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


class MailNotSent(Exception):
    """`code` says why: `unreachable`, `login_refused` and `sender_refused` concern every mail, `postponed` and
    `refused` this one, which is refused for good."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def is_final(self) -> bool:
        return self.code == "refused"

    @property
    def concerns_every_mail(self) -> bool:
        return self.code in ("unreachable", "login_refused", "sender_refused")


def is_mail_set() -> bool:
    return bool(settings.EMAIL_HOST)


def mail_send(*, to: str, subject: str, text: str) -> None:
    """Raises MailNotSent. The log gets the error's type alone, because the server's answer repeats the address."""
    try:
        EmailMessage(subject=subject, body=text, to=[to]).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        code = _code(error)
        logger.warning("a mail was not sent (%s): %s", code, type(error).__name__)
        raise MailNotSent(code) from None


def _code(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "login_refused"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [code for code, _text in error.recipients.values()]
        return "refused" if all(_is_final(code) for code in answers) else "postponed"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return "sender_refused"
    if isinstance(error, smtplib.SMTPDataError):
        return "refused" if _is_final(error.smtp_code) else "postponed"
    # Raised for an address that cannot be written into a mail.
    return "refused" if isinstance(error, ValueError) else "unreachable"


def _is_final(smtp_code: int) -> bool:
    return 500 <= smtp_code < 600
