"""Attacks on the page: slow and idle clients, repeated headers, large uploads."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rcn_mmpose.serve import connections
from rcn_mmpose.serve import server as module
from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.serve.upload import MOST_BYTES, Refusal

HEAD = b'POST /predict HTTP/1.0\r\nHost: localhost\r\n'


class FakeService:
    """Answers each image at once."""

    def answer(self, content: bytes, **question: Any) -> dict:
        return dict(bytes=len(content))

    def describe(self) -> dict:
        return {}


@pytest.fixture
def page() -> Iterator[PageServer]:
    with PageServer(FakeService(), '127.0.0.1', 0) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Connect = Callable[[bytes], socket.socket]


@pytest.fixture
def connect(page: PageServer) -> Iterator[Connect]:
    """A function that opens a connection and sends the begin of a request."""
    opened = []

    def connect(start: bytes = b'') -> socket.socket:
        connection = socket.create_connection(page.server_address[:2], 20)
        opened.append(connection)
        connection.sendall(start)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def post(page: PageServer, content: bytes = b'image') -> tuple[int, float]:
    """Return the status of an upload, and the seconds until the answer."""
    start = time.monotonic()
    connection = http.client.HTTPConnection(*page.server_address[:2], timeout=20)
    try:
        connection.request('POST', '/predict', content)
        status = connection.getresponse().status
    finally:
        connection.close()
    return status, time.monotonic() - start


def answer_of(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(2**16):
        parts.append(part)
    return b''.join(parts)


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_slow_uploads_do_not_close_the_page(page: PageServer, connect: Connect) -> None:
    """As many slow uploads as there are slots, and more: a normal user is served."""
    for _ in range(50):
        connect(HEAD + b'Content-Length: 1000000\r\n\r\nx')
    wait_until(lambda: len(page.requests._requests) == 50)
    for _ in range(3):
        status, seconds = post(page)
        assert status == 200 and seconds < 1


@pytest.mark.parametrize('start', [HEAD + b'Content-Length: 999\r\n\r\n', b'GET /'])
def test_a_byte_now_and_then_does_not_extend_a_request(
    start: bytes, page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, 'PATIENCE', 0.3)
    connection = connect(start)
    begin = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - begin < 10:
        try:
            connection.sendall(b'x')
            received = connection.recv(2**16)
            break
        except TimeoutError:
            continue
        except ConnectionError:
            received = b''
            break
    assert 0.2 < time.monotonic() - begin < 5
    if start.startswith(b'POST'):
        assert received.startswith(b'HTTP/1.0 408')
    wait_until(lambda: not page.requests._requests)


def test_a_large_body_has_more_time() -> None:
    requests = connections.OpenRequests()
    with socket.socket() as connection:
        requests.add(connection)
        requests.expect(connection, MOST_BYTES)
        (request,) = requests._requests.values()
        left = request.deadline - time.monotonic()
    assert 30 + 335 - 5 < left < 30 + 336  # 32 MiB at 100 kB a second


def test_idle_connections_make_room(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, 'MOST_CONNECTIONS', 10)
    idle = [connect() for _ in range(30)]
    wait_until(lambda: len(page.requests._requests) <= 10)
    assert post(page)[0] == 200
    assert idle[0].recv(1) == b''  # the oldest is closed
    idle[-1].sendall(b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
    assert answer_of(idle[-1]).startswith(b'HTTP/1.0 200')


def test_without_free_descriptors_the_server_does_not_spin(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = connect()
    wait_until(lambda: len(page.requests._requests) == 1)
    tries = []

    def fail(server: ThreadingHTTPServer) -> None:
        tries.append(1)
        raise OSError(errno.EMFILE, 'too many open files')

    with monkeypatch.context() as patch:
        patch.setattr(ThreadingHTTPServer, 'get_request', fail)
        connect()
        time.sleep(0.5)
    assert 1 <= len(tries) <= 11
    assert idle.recv(1) == b''  # the oldest connection gives its descriptor back
    assert post(page)[0] == 200


@pytest.mark.parametrize(
    'headers',
    [
        b'Content-Length: 5\r\nContent-Length: 6',
        b'Content-Length: 5\r\ncontent-length: 5',
        b'Content-Length: 5\r\nTransfer-Encoding: chunked',
        b'transfer-encoding: identity\r\nContent-Length: 5',
        b'Content-Length: 5\r\nOrigin: http://localhost\r\nOrigin: http://evil.example',
        b'Content-Length: 5\r\nHost: localhost',
        b'Content-Length: 5, 5',
    ],
)
def test_repeated_headers(headers: bytes, connect: Connect) -> None:
    answer = answer_of(connect(HEAD + headers + b'\r\n\r\nimage'))
    assert answer.startswith(b'HTTP/1.0 400')


def test_hints_name_an_address_that_can_be_opened(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can open 0.0.0.0, at which ``--host 0.0.0.0`` listens."""
    monkeypatch.setattr(page, 'server_name', '0.0.0.0')
    url = f'http://127.0.0.1:{page.server_port}'
    assert page.url == url
    for headers in (b'Host: evil.example', b'Host: localhost\r\nOrigin: null'):
        answer = answer_of(connect(b'GET / HTTP/1.0\r\n' + headers + b'\r\n\r\n'))
        assert answer.startswith(b'HTTP/1.0 403')
        assert f'open {url}.'.encode() in answer
    host = url.removeprefix('http://').encode()
    answer = answer_of(connect(b'GET / HTTP/1.0\r\nHost: ' + host + b'\r\n\r\n'))
    assert answer.startswith(b'HTTP/1.0 200')
    monkeypatch.setattr(page, 'server_name', '::')
    assert page.url == f'http://[::1]:{page.server_port}'


def memory() -> int:
    """Return the bytes of memory that this process occupies."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmRSS'):
            return int(line.split()[1]) * 1024
    raise AssertionError


def test_large_uploads_at_the_same_time_have_bounded_memory(page: PageServer) -> None:
    content, done = bytes(MOST_BYTES), []
    before, most = memory(), 0

    def upload() -> None:
        done.append(post(page, content)[0])

    threads = [threading.Thread(target=upload) for _ in range(12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory())
        time.sleep(0.005)
    assert len(done) == 12 and done.count(200) >= 4
    assert set(done) <= {200, 503}
    # Uploads that are read, complete ones, and a copy of each when it is complete.
    assert most - before < 12 * MOST_BYTES
    assert post(page)[0] == 200


def test_refused_uploads_leave_the_memory_before_their_connection(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads its refusal and stays must not occupy 32 MiB."""

    def refuse(content: bytes, **question: Any) -> dict:
        raise Refusal(HTTPStatus.BAD_REQUEST, 'no image')

    monkeypatch.setattr(page.service, 'answer', refuse)
    content, before = bytes(MOST_BYTES), memory()
    start = HEAD + f'Content-Length: {MOST_BYTES}\r\n\r\n'.encode()
    for _ in range(8):
        connection = connect(start)
        connection.sendall(content)
        assert answer_of(connection).startswith(b'HTTP/1.0 400')
    assert memory() - before < 4 * MOST_BYTES


def test_bodies_that_stay_incomplete_give_their_memory_back(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, 'MOST_RECEIVED', 300_000)
    start = HEAD + b'Content-Length: 200000\r\n\r\n'
    slow = [connect(start + bytes(100_000)) for _ in range(5)]
    assert answer_of(slow[0]).startswith(b'HTTP/1.0 503')
    assert post(page, bytes(100_000))[0] == 200
    received = sum(r.received for r in page.requests._requests.values())
    assert received <= 300_000


def test_many_requests_leave_nothing_behind(page: PageServer, connect: Connect) -> None:
    def count() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir('/proc/self/fd'))

    before = count()
    request = b'GET /page.css HTTP/1.0\r\nHost: localhost\r\n\r\n'
    for number in range(2000):
        with socket.create_connection(page.server_address[:2], 20) as connection:
            if number % 10:
                connection.sendall(request)
                assert answer_of(connection).startswith(b'HTTP/1.0 200')
    wait_until(lambda: count() == before)
    assert not page.requests._requests


def test_a_refused_client_that_drips_is_left(
    page: PageServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an answer, the rest of a request is read for a short time only."""
    monkeypatch.setattr(module, 'LONGEST_REST', 0.2)
    connection = connect(b'PUT / HTTP/1.0\r\nHost: localhost\r\n\r\n')
    begin = time.monotonic()
    with pytest.raises(ConnectionError):
        while time.monotonic() - begin < 10:
            connection.sendall(b'x')
            time.sleep(0.05)
    assert time.monotonic() - begin < 5
