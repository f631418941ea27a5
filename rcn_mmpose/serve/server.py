"""The HTTP server of the page, based on ``http.server`` of Python.

==================== =======================================================
request              answer
==================== =======================================================
``GET /``            the page, with ``/page.css`` and ``/page.js``
``GET /model``       JSON: the models and the limits
``POST /predict``    JSON: the result of ``Service.answer``; the body is an
                     image file, the query is optional
==================== =======================================================

The query of ``/predict`` has ``name=`` (of the image), ``ellipses=1`` (draw
them), ``model=`` (one that ``/model`` names), and for each face, in place of the
detector, ``box=x1,y1,x2,y2`` in pixels (as ``predict --boxes``) or
``face=x1,y1,x2,y2`` (from the eyebrows to the chin and from ear to ear);
``detect=1`` detects faces, too.

The answer to every error is JSON with the key ``error``. There are no other
paths, and the server never opens a file whose name comes from a request.
Requests for another host name (DNS rebinding) and requests from pages of other
sites are refused.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import socketserver
import sys
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from .query import read_query
from .service import Service
from .upload import MOST_BYTES, Refusal

PAGE = {
    '/': ('page.html', 'text/html; charset=utf-8'),
    '/page.css': ('page.css', 'text/css; charset=utf-8'),
    '/page.js': ('page.js', 'text/javascript; charset=utf-8'),
}
GET, POST = (*PAGE, '/model'), ('/predict',)
JSON = 'application/json; charset=utf-8'
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
}
PATIENCE = 30  # timeout of a silent connection in seconds
# Uploads at the same time. Predictions run one by one, and each waiting upload
# occupies memory.
UPLOADS = 4
LONGEST_NUMBER = 20


class PageServer(ThreadingHTTPServer):
    """The HTTP server of the page.

    Args:
        service (Service): Answers the requests for predictions.
        host (str): Address or host name to listen at.
        port (int): Port to listen at; 0 for any free port.

    Raises:
        OSError: If the server cannot listen at this address and port.
    """

    daemon_threads = True

    def __init__(self, service: Service, host: str, port: int) -> None:
        self.service = service
        self.uploads = BoundedSemaphore(UPLOADS)
        self.names = {'localhost', host.lower()} - {''}
        folder = resources.files(__package__)
        self.files = {
            path: ((folder / name).read_bytes(), kind)
            for path, (name, kind) in PAGE.items()
        }
        if ':' in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Listen at the port, without the DNS query of HTTPServer."""
        socketserver.TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)

    @property
    def url(self) -> str:
        """The URL of the page."""
        host = self.server_name
        if ':' in host:
            host = f'[{host}]'
        return f'http://{host}:{self.server_port}'

    def is_for_us(self, host: str) -> bool:
        """Return whether the ``Host`` header of a request names this server.

        Args:
            host (str): Value of the header.

        Returns:
            bool: True for an IP address (DNS rebinding needs a name), for
            localhost, and for the host name that the server listens at.
        """
        try:
            name = urlsplit(f'//{host}').hostname or ''
        except ValueError:
            return False
        return name in self.names or _is_address(name)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error without an answer, except a closed connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection (HTTP 1.0)."""

    server: PageServer
    server_version, sys_version = 'rcn-mmpose', ''
    timeout = PATIENCE

    def do_GET(self) -> None:  # noqa: D102
        self._answer(GET)

    def do_POST(self) -> None:  # noqa: D102
        self._answer(POST)

    def do_other(self) -> None:
        """Refuse any other method."""
        self._answer(())

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_other

    def _answer(self, paths: tuple[str, ...]) -> None:
        """Send an answer, also after an error."""
        try:
            content, kind = self._content(paths)
        except Refusal as error:
            self.send_error(error.status, str(error))
        except TimeoutError:
            self.send_error(
                HTTPStatus.REQUEST_TIMEOUT,
                f'The request is not complete and no data arrived for {PATIENCE} '
                'seconds. Send it again.',
            )
        except ConnectionError:
            raise
        except Exception as error:  # for example from OpenCV, or MemoryError
            traceback.print_exc()
            self.send_error(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                'The server failed; its terminal shows the details '
                f'({type(error).__name__}: {error}).',
            )
        else:
            self._send(HTTPStatus.OK, content, kind)

    def _content(self, paths: tuple[str, ...]) -> tuple[bytes, str]:
        """Return the body and the media type of the answer."""
        self._check_origin()
        path, _, query = self.path.partition('?')
        if path not in (*GET, *POST):
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                f'The path {path!r:.100} does not exist; use one of '
                f'{", ".join(GET + POST)}.',
            )
        if path not in paths:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f'{path} does not allow the method {self.command}; use '
                f'{"POST" if path in POST else "GET"}.',
            )
        if path in PAGE:
            return self.server.files[path]
        service = self.server.service
        if path == '/model':
            return _json(service.describe()), JSON
        question = read_query(query)
        if not self.server.uploads.acquire(blocking=False):
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f'The server is busy with {UPLOADS} images; try again.',
            )
        try:
            return _json(service.answer(self._body(), **question)), JSON
        finally:
            self.server.uploads.release()

    def _check_origin(self) -> None:
        """Refuse requests for other host names or from other sites."""
        host = self.headers.get('Host', '')
        if not self.server.is_for_us(host):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f'The host {host!r:.100} is not the name of this server; open '
                f'{self.server.url}.',
            )
        origin = self.headers.get('Origin')
        if origin is not None and origin != f'http://{host}':
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f'A page of {origin!r:.100} may not use this server; open '
                f'{self.server.url}.',
            )

    def _body(self) -> bytes:
        """Read the body of the request."""
        length = self.headers.get('Content-Length', '')
        if 'Transfer-Encoding' in self.headers or not length:
            raise Refusal(
                HTTPStatus.LENGTH_REQUIRED,
                'The request has no Content-Length, or it is sent in chunks; send '
                'the image in one piece with its Content-Length.',
            )
        if not re.fullmatch('0*[1-9][0-9]*', length):
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'The Content-Length is {length!r:.100}; send an image and its '
                'number of bytes.',
            )
        # int() raises ValueError for thousands of digits.
        if len(length) > LONGEST_NUMBER or int(length) > MOST_BYTES:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f'The Content-Length is {length:.20} bytes; send at most '
                f'{MOST_BYTES}. Make the image smaller.',
            )
        content = self.rfile.read(int(length))
        if len(content) < int(length):
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'{len(content)} of {length} bytes arrived; send the image again.',
            )
        return content

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,
    ) -> None:
        """Answer an error as JSON; the base class calls this method too."""
        status = HTTPStatus(code)
        self._send(status, _json(dict(error=message or status.phrase)), JSON)
        self._take_rest()

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        """Send an answer."""
        self.close_connection = True
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            path = self.path.partition('?')[0]
            self.send_header('Allow', 'POST' if path in POST else 'GET')
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def _take_rest(self) -> None:
        """Read the rest of a refused request, up to a limit.

        Closing a connection with unread bytes resets it, and the client may then
        lose the answer with the reason.
        """
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            left = 2 * MOST_BYTES
            while left > 0 and (part := self.connection.recv(2**16)):
                left -= len(part)
        except OSError:
            pass

    def log_request(self, *arguments: object) -> None:
        """Do not log requests: their paths contain names of images."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    Args:
        host (str): IP address or host name.
    """
    if host.lower() == 'localhost':
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _json(content: dict) -> bytes:
    """Encode an answer as JSON. NaN is an error: browsers cannot parse it."""
    return json.dumps(content, allow_nan=False).encode()
