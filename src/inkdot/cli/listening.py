"""A receiver of webhooks on this machine, for trying."""

from __future__ import annotations

import hmac
import http.client
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

from inkdot.act.signing import sign
from inkdot.cli.options import talk
from inkdot.domain.errors import UsageError

_MOST_BYTES = 1 << 20
_TOLERANCE = 300
_SECONDS = 10


class Listener:
    """Takes messages, says whether they are genuine, prints them and passes them on."""

    def __init__(self, forward_to: str | None, types: set[str], *, as_json: bool, most: int) -> None:
        parts = urlsplit(forward_to or "http://127.0.0.1")
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(
                "--forward-to is no address to pass messages on to; write it like http://127.0.0.1:3000/hook."
            )
        self._forward, self._types, self._json, self._most = parts if forward_to else None, types, as_json, most
        self._turn, self._heard = Lock(), 0
        self.secret = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """One message."""

            def do_POST(self) -> None:
                outer.hear(self)

            def log_message(self, *_: object) -> None:
                """Printed elsewhere."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def run(self) -> None:
        """Listen until Ctrl-C, or until enough was heard."""
        try:
            self._server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            pass
        finally:
            self._server.server_close()

    def hear(self, handler: BaseHTTPRequestHandler) -> None:
        """One message."""
        length = min(int(handler.headers.get("Content-Length") or 0), _MOST_BYTES)
        body = handler.rfile.read(length)
        message, stamp = handler.headers.get("webhook-id", ""), handler.headers.get("webhook-timestamp", "")
        genuine = self._genuine(message, stamp, handler.headers.get("webhook-signature", ""), body)
        status = 204 if genuine else 401
        if genuine:
            status = self._passed_on(dict(handler.headers.items()), body) if self._forward else status
            self._print(message, body, status)
        else:
            talk("A message with a wrong signature was refused.")
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        with self._turn:
            self._heard += genuine
            if self._most and self._heard >= self._most:
                Thread(target=self._server.shutdown).start()

    def _genuine(self, message: str, stamp: str, signatures: str, body: bytes) -> bool:
        if not stamp.isdigit() or abs(int(stamp) - time.time()) > _TOLERANCE:
            return False
        own = sign(self.secret, message, int(stamp), body)
        return any(hmac.compare_digest(own.encode(), given.encode()) for given in signatures.split())

    def _print(self, message: str, body: bytes, status: int) -> None:
        told = json.loads(body)
        if self._types and told["type"] not in self._types:
            return
        data = told["data"]
        line = f"{told['timestamp']}  {message}  {told['type']:18} {data.get('human') or '-':8} {data.get('person') or '-'}"
        with self._turn:
            passed = f"  -> {status}" if self._forward else ""
            sys.stdout.write((json.dumps({"id": message} | told) if self._json else line + passed) + "\n")
            sys.stdout.flush()

    def _passed_on(self, headers: dict[str, str], body: bytes) -> int:
        assert self._forward
        kept = {n: v for n, v in headers.items() if n.lower().startswith("webhook-") or n.lower() == "content-type"}
        connection = http.client.HTTPConnection(self._forward.hostname or "", self._forward.port, timeout=_SECONDS)
        try:
            connection.request("POST", self._forward.path or "/", body, kept)
            return connection.getresponse().status
        except OSError as error:
            talk(f"Nothing took it there: {error}")
            return 502
        finally:
            connection.close()
