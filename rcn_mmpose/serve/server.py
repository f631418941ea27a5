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
from time import monotonic, sleep
from typing import Any

from .admission import check_headers, is_loopback
from .connections import PATIENCE, OpenRequests
from .query import read_query
from .service import Service
from .upload import MOST_BYTES, Refusal

__all__ = ['PageServer', 'is_loopback']

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
# Complete uploads at the same time. Predictions run one by one, and each waiting
# upload occupies memory.
UPLOADS = 4
LONGEST_REST = 10  # seconds to read the rest of a refused request
TICK = 0.2  # seconds after which a silent upload sees that it was ended
PIECE = 2**16  # bytes of a body that are read at once
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
    request_queue_size = 128

    def __init__(self, service: Service, host: str, port: int) -> None:
        self.service = service
        self.uploads = BoundedSemaphore(UPLOADS)
        self.requests = OpenRequests()
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
        """The URL of the page, on this machine if it listens at all addresses."""
        loopback = {'0.0.0.0': '127.0.0.1', '::': '::1'}
        return self.url_at(loopback.get(self.server_name, self.server_name))

    def url_at(self, address: str) -> str:
        """Return the URL of the page at an address of this machine."""
        host = f'[{address}]' if ':' in address else address
        return f'http://{host}:{self.server_port}'

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; without a free descriptor, end older ones."""
        try:
            return super().get_request()
        except OSError:
            self.requests.make_room()
            sleep(0.05)  # the connection still waits, and would be tried at once
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread."""
        self.requests.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.requests.remove(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End slow requests; the server calls this twice a second."""
        self.requests.end_late()

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
        failed: tuple[int, str] | None = None
        try:
            content, kind = self._content(paths)
        except Refusal as error:
            failed = error.status, str(error)
        except TimeoutError:
            failed = (
                HTTPStatus.REQUEST_TIMEOUT,
                'The request is not complete and no data arrived for '
                f'{self.timeout:g} seconds. Send it again.',
            )
        except ConnectionError:
            raise
        except Exception as error:  # for example from OpenCV, or MemoryError
            traceback.print_exc()
            failed = (
                HTTPStatus.INTERNAL_SERVER_ERROR,
                'The server failed; its terminal shows the details '
                f'({type(error).__name__}: {error}).',
            )
        if failed:  # The error is gone here, and with it the upload in its frames.
            self.send_error(*failed)
        else:
            self._send(HTTPStatus.OK, content, kind)

    def _content(self, paths: tuple[str, ...]) -> tuple[bytes, str]:
        """Return the body and the media type of the answer."""
        # The address that the client has reached is one that it can open.
        url = self.server.url_at(self.connection.getsockname()[0])
        check_headers(self.headers, self.server.names, url)
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
        if path in GET:
            self.server.requests.remove(self.connection)
        if path in PAGE:
            return self.server.files[path]
        service = self.server.service
        if path == '/model':
            return _json(service.describe()), JSON
        question = read_query(query)
        content = self._body()
        self.server.requests.remove(self.connection)
        if not self.server.uploads.acquire(blocking=False):
            del content  # the answer takes time, but no memory
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f'The server is busy with {UPLOADS} images; try again.',
            )
        try:
            return _json(service.answer(content, **question)), JSON
        finally:
            self.server.uploads.release()

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
        parts = list[bytes]()
        try:
            self._receive(int(length), parts)
        except Exception:
            parts.clear()  # the answer takes time, but no memory
            raise
        finally:
            self.connection.settimeout(self.timeout)
        return b''.join(parts)

    def _receive(self, length: int, parts: list[bytes]) -> None:
        """Receive the parts of a body, as long as its request is not ended."""
        requests, left, connection = self.server.requests, length, self.connection
        requests.expect(connection, length)
        connection.settimeout(0)  # what came with the headers is in a buffer
        buffer: Any = self.rfile
        part = buffer.peek()[:length]
        connection.settimeout(TICK)
        silent = monotonic()
        while True:
            requests.receive(connection, len(part))
            left -= len(part)
            parts.append(part)
            if not left:
                return
            try:
                part = connection.recv(min(left, PIECE))
            except TimeoutError:
                part = b''
                if monotonic() - silent > self.timeout:
                    raise
                continue
            silent = monotonic()
            if not part:
                raise Refusal(
                    HTTPStatus.BAD_REQUEST,
                    f'{length - left} of {length} bytes arrived; send the image again.',
                )

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
            left, end = 2 * MOST_BYTES, monotonic() + LONGEST_REST
            while left > 0 and monotonic() < end:
                part = self.connection.recv(PIECE)
                if not part:
                    break
                left -= len(part)
        except OSError:
            pass

    def log_request(self, *arguments: object) -> None:
        """Do not log requests: their paths contain names of images."""


def _json(content: dict) -> bytes:
    """Encode an answer as JSON. NaN is an error: browsers cannot parse it."""
    return json.dumps(content, allow_nan=False).encode()
