"""A small SMTP server in a thread of the test, which keeps what it takes; a test sets what it refuses."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage


class MailServer:
    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refuses: dict[str, str] = {}
        """Answers by command (`MAIL`, `RCPT`, `DATA`), instead of the usual ones."""
        double = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 double")
                while line := self.rfile.readline().decode().strip():
                    command = line.split(" ", 1)[0].upper()
                    if command == "QUIT":
                        return self.say("221 bye")
                    self.say(double.answer(command, line))
                    if command == "DATA" and "DATA" not in double.refuses:
                        double.taken.append(self.message())
                        self.say("250 taken")
                return None

            def say(self, answer: str) -> None:
                self.wfile.write(f"{answer}\r\n".encode())

            def message(self) -> EmailMessage:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return email.message_from_bytes(b"".join(lines), policy=email.policy.default)  # type: ignore[return-value]

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, command: str, line: str) -> str:
        if command in self.refuses:
            return self.refuses[command]
        if command == "RCPT":
            self.recipients.append(line.partition("<")[2].partition(">")[0])
        return "354 go on" if command == "DATA" else "250 fine"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def mail_server() -> Iterator[MailServer]:
    double = MailServer()
    try:
        yield double
    finally:
        double.close()
