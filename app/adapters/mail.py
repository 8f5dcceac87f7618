"""E-mail through SMTP; off where no server is set."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from flask import current_app

TIMEOUT = 10


def ready() -> bool:
    """Whether there is a mail server."""
    return bool(current_app.config.get("SMTP_URL"))


def send(to: str, subject: str, text: str) -> None:
    """Send one plain message. Raises OSError (SMTPException is one) when the server does not take it."""
    parts = urlsplit(current_app.config["SMTP_URL"])
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = current_app.config["MAIL_FROM"], to, subject
    message.set_content(text)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "localhost", parts.port or 0, timeout=TIMEOUT) as server:
        if parts.username:
            if parts.scheme == "smtp":
                server.starttls()
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
