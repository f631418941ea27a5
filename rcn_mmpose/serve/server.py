"""The page over HTTP, by Python's own server.

==================== =======================================================
request              answer
==================== =======================================================
``GET /``            the page; ``/page.css`` and ``/page.js`` belong to it
``GET /model``       json: the model and the limits
``POST /predict``    json of :meth:`~.service.Service.answer`; the body is
                     the file of an image, ``?name=`` and ``?ellipses=1``
                     are optional
==================== =======================================================

Whatever goes wrong is answered by a json with ``error``. There are no other
paths: no file is looked up by what a request says. A request must be meant
for this server: one for another host name (DNS rebinding), or sent by the
page of another site, is refused.
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
from urllib.parse import parse_qs, urlsplit

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
PATIENCE = 30  # seconds that a connection may stay silent
UPLOADS = 4  # at a time; more would only wait, each with its memory
LONGEST_NAME, LONGEST_NUMBER = 255, 20


class PageServer(ThreadingHTTPServer):
    """Serves the page.

    Args:
        service (Service): Answers what is sent.
        host (str): Address or name to listen at.
        port (int): 0 for any that is free.

    Raises:
        OSError: If it cannot listen there.
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
        """Listen, without the look-up of a name that HTTPServer makes."""
        socketserver.TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)

    @property
    def url(self) -> str:
        """Where the page is."""
        host = self.server_name
        if ':' in host:
            host = f'[{host}]'
        return f'http://{host}:{self.server_port}'

    def is_for_us(self, host: str) -> bool:
        """Whether the host of a request is this server.

        Args:
            host (str): ``Host`` of a request.

        Returns:
            bool: True for an address in numbers, which no foreign name server
            can redirect, for localhost, and for the name to listen at.
        """
        try:
            name = urlsplit(f'//{host}').hostname or ''
        except ValueError:
            return False
        return name in self.names or _is_address(name)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what no answer could be made of, unless somebody left."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; the connection then ends (HTTP 1.0)."""

    server: PageServer
    server_version, sys_version = 'rcn-mmpose', ''
    timeout = PATIENCE

    def do_GET(self) -> None:  # noqa: D102
        self._answer(GET)

    def do_POST(self) -> None:  # noqa: D102
        self._answer(POST)

    def do_other(self) -> None:
        """Refuse another method."""
        self._answer(())

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_other

    def _answer(self, paths: tuple[str, ...]) -> None:
        """Answer, whatever happens."""
        try:
            content, kind = self._content(paths)
        except Refusal as error:
            self.send_error(error.status, str(error))
        except TimeoutError:
            self.send_error(
                HTTPStatus.REQUEST_TIMEOUT,
                f'Nothing came for {PATIENCE} seconds.',
            )
        except ConnectionError:
            raise
        except Exception as error:  # of OpenCV, of memory, of the network
            traceback.print_exc()
            self.send_error(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f'{type(error).__name__}: {error}',
            )
        else:
            self._send(HTTPStatus.OK, content, kind)

    def _content(self, paths: tuple[str, ...]) -> tuple[bytes, str]:
        """Return what was asked for."""
        self._check_origin()
        path, _, query = self.path.partition('?')
        if path not in (*GET, *POST):
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                f'There is nothing here; known are {", ".join(GET + POST)}.',
            )
        if path not in paths:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f'{path} is not for {self.command}; use '
                f'{"POST" if path in POST else "GET"}.',
            )
        if path in PAGE:
            return self.server.files[path]
        service = self.server.service
        if path == '/model':
            return _json(service.describe()), JSON
        name, ellipses = _parameters(query)
        if not self.server.uploads.acquire(blocking=False):
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f'{UPLOADS} images are being worked on; try again.',
            )
        try:
            return _json(service.answer(self._body(), name, ellipses)), JSON
        finally:
            self.server.uploads.release()

    def _check_origin(self) -> None:
        """Refuse what other names or other pages lead here."""
        host = self.headers.get('Host', '')
        if not self.server.is_for_us(host):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f'The host {host!r:.100} is not this server; open {self.server.url}.',
            )
        origin = self.headers.get('Origin')
        if origin is not None and origin != f'http://{host}':
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f'The page of {origin!r:.100} may not ask this server.',
            )

    def _body(self) -> bytes:
        """Read what was sent."""
        length = self.headers.get('Content-Length', '')
        if 'Transfer-Encoding' in self.headers or not length:
            raise Refusal(
                HTTPStatus.LENGTH_REQUIRED,
                'Send the image whole, with its Content-Length.',
            )
        if not re.fullmatch('0*[1-9][0-9]*', length):
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'Content-Length is {length!r:.100}; send an image, and how '
                'many bytes it has.',
            )
        # int() itself refuses thousands of digits
        if len(length) > LONGEST_NUMBER or int(length) > MOST_BYTES:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f'{length:.20} bytes were announced; at most {MOST_BYTES} are '
                'taken. Make the image smaller.',
            )
        content = self.rfile.read(int(length))
        if len(content) < int(length):
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'{len(content)} of {length} bytes came; send it again.',
            )
        return content

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,
    ) -> None:
        """Answer an error as json; the base class calls it as well."""
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
        """Take what still comes after a refusal, within limits.

        A connection that is closed with bytes unread is reset, and the sender
        may never see why it was refused.
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
        """Keep quiet about requests: their paths have names of images."""


def is_loopback(host: str) -> bool:
    """Whether nobody from another machine can reach this address.

    Args:
        host (str): Address or name.
    """
    if host.lower() == 'localhost':
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    """Whether this is an address in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _parameters(query: str) -> tuple[str, bool]:
    """Read the name of an image, and whether to draw ellipses."""
    try:
        given = parse_qs(query, strict_parsing=bool(query), max_num_fields=2)
        (name,) = given.pop('name', [''])
        (ellipses,) = given.pop('ellipses', ['0'])
        wrong = given or ellipses not in ('0', '1') or len(name) > LONGEST_NAME
    except ValueError:  # no such form, or one of them twice
        wrong = True
    if wrong:
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            f'{query!r:.100} is not understood; known are name=, of at most '
            f'{LONGEST_NAME} characters, and ellipses=0 or 1.',
        )
    return name, ellipses == '1'


def _json(content: dict) -> bytes:
    """Encode an answer; no number in it may be NaN, which browsers refuse."""
    return json.dumps(content, allow_nan=False).encode()
