from __future__ import annotations

import configparser
import http.client
import json
import re
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose.serve import server as module
from rcn_mmpose.serve.server import PageServer, is_loopback
from rcn_mmpose.serve.service import Service
from rcn_mmpose.serve.upload import MOST_BYTES

from .conftest import Ask


def raw(server: PageServer, request: bytes, shut: bool = True) -> bytes:
    """Send any bytes and return the whole answer."""
    with socket.create_connection(server.server_address, 20) as connection:
        connection.sendall(request)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(2**16):
            parts.append(part)
    return b''.join(parts)


def status_of(answer: bytes) -> int:
    head, _, body = answer.partition(b'\r\n\r\n')
    status = int(head.split()[1])
    if status != 200:
        assert json.loads(body)['error']
    return status


# -------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ('path', 'kind', 'part'),
    [
        ('/', 'text/html', b'<!doctype html>'),
        ('/page.css', 'text/css', b'linear-gradient'),
        ('/page.js', 'text/javascript', b'use strict'),
        ('/model', 'application/json', b'"keypoints": 5'),
    ],
)
def test_pages(ask: Ask, path: str, kind: str, part: bytes) -> None:
    answer = ask(path)
    assert answer.status == 200 and part in answer.body
    assert answer.headers.get_content_type() == kind
    assert int(answer.headers['Content-Length']) == len(answer.body)


def test_headers_of_every_answer(ask: Ask, png: bytes) -> None:
    for answer in (ask('/'), ask('/none'), ask('/predict', png)):
        policy = answer.headers['Content-Security-Policy']
        assert policy.startswith("default-src 'none';")
        assert 'unsafe' not in policy and '*' not in policy
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'
        assert answer.headers['Cache-Control'] == 'no-store'
        assert answer.headers['Server'].strip() == 'rcn-mmpose'


def test_the_page_loads_nothing_from_other_sites(root: Path) -> None:
    for file in (root / 'rcn_mmpose' / 'serve').glob('page.*'):
        text = file.read_text()
        assert not re.search(r'https?:|//\w+\.|@import|url\(', text), file
        # The content security policy would block inline scripts and styles.
        assert not re.search(r'<script>|<style|\son\w+=|style=', text), file


def test_the_wheel_contains_the_page(root: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read(root / 'setup.cfg')
    package = root / 'rcn_mmpose'
    patterns = setup['options.package_data']['rcn_mmpose'].split()
    packed = {file for p in patterns for file in package.glob(p)}
    for name, _ in module.PAGE.values():
        assert package / 'serve' / name in packed


def test_an_image(ask: Ask, png: bytes) -> None:
    answer = ask('/predict?name=a%20%C3%A9.png&ellipses=1', png)
    assert answer.status == 200
    assert answer.json['coco']['images'][0]['file_name'] == 'a é.png'
    assert len(answer.json['coco']['annotations']) == 1
    plain = ask('/predict', png).json
    assert plain['drawn'] != answer.json['drawn']
    assert plain['coco']['images'][0]['file_name'] == ''


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    'path',
    [
        '/page.html',
        '/server.py',
        '/etc/passwd',
        '/../../etc/passwd',
        '/%2e%2e/%2e%2e/etc/passwd',
        '//etc/passwd',
        '/page.css/../server.py',
        '/page.css%00',
        '/..%5c..',
        'http://[',
        '*',
    ],
)
def test_other_paths_do_not_exist(server: PageServer, path: str) -> None:
    request = f'GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n'.encode()
    assert status_of(raw(server, request)) == 404


def test_methods(ask: Ask, png: bytes) -> None:
    for method in ('PUT', 'DELETE', 'OPTIONS', 'PATCH', 'GET'):
        answer = ask('/predict', method=method)
        assert answer.status == 405 and answer.headers['Allow'] == 'POST'
        assert 'POST' in answer.json['error']
    answer = ask('/', png)
    assert answer.status == 405 and answer.headers['Allow'] == 'GET'
    assert ask('/', method='HEAD').status == 405
    assert ask('/', method='BREW').status == 501


@pytest.mark.parametrize(
    ('host', 'status'),
    [
        ('localhost', 200),
        ('LOCALHOST:1', 200),
        ('127.0.0.1:8080', 200),
        ('[::1]:8080', 200),
        ('192.168.0.7', 200),  # no DNS name
        ('evil.example', 403),
        ('evil.example:8080', 403),
        ('localhost.evil.example', 403),
        ('127.0.0.1.evil.example', 403),
        ('localhost@evil.example', 403),
        ('', 403),
        ('[', 403),
    ],
)
def test_host(ask: Ask, host: str, status: int) -> None:
    assert ask('/', Host=host).status == status


def test_a_request_without_host_is_refused(server: PageServer) -> None:
    assert status_of(raw(server, b'GET / HTTP/1.0\r\n\r\n')) == 403


def test_origin(ask: Ask, png: bytes, server: PageServer) -> None:
    host = f'127.0.0.1:{server.server_port}'
    assert ask('/predict', png, Origin=f'http://{host}').status == 200
    for origin in ('http://evil.example', 'null', f'http://{host}0', ''):
        answer = ask('/predict', png, Origin=origin)
        assert answer.status == 403, origin


@pytest.mark.parametrize(
    ('headers', 'status'),
    [
        ('', 411),
        ('Content-Length: x', 400),
        ('Content-Length: -1', 400),
        ('Content-Length: 0', 400),
        ('Content-Length: \u00b2', 400),
        ('Content-Length: 1e3', 400),
        (f'Content-Length: {MOST_BYTES + 1}', 413),
        (f'Content-Length: {10**30}', 413),
        ('Content-Length: ' + 5000 * '9', 413),
        ('Content-Length: ' + 5000 * '0', 400),
        ('Content-Length: 9', 400),  # and no body
        ('Transfer-Encoding: chunked', 411),
        ('Content-Length: 5\r\nTransfer-Encoding: chunked', 400),
    ],
)
def test_lengths(server: PageServer, headers: str, status: int) -> None:
    lines = ['POST /predict HTTP/1.1', 'Host: localhost', headers]
    request = '\r\n'.join(line for line in lines if line) + '\r\n\r\n'
    assert status_of(raw(server, request.encode('latin-1'))) == status


def test_a_client_that_sends_too_much_gets_the_reason(ask: Ask) -> None:
    answer = ask('/predict', bytes(MOST_BYTES + 1))
    assert answer.status == 413
    assert f'at most {MOST_BYTES}' in answer.json['error']


def test_contents(ask: Ask, png: bytes) -> None:
    for content, status in (
        (b'<html>', 415),
        (b'GIF89a' + bytes(100), 400),
        (b'%PDF-1.7' + bytes(100), 415),
        (png[:60], 400),
        (b'\xff\xd8\xff\xe0' + bytes(50), 400),
    ):
        answer = ask('/predict?name=a.png', content, Content_Type='image/png')
        assert answer.status == status and answer.json['error']


@pytest.mark.parametrize(
    'query',
    [
        'ellipses=2',
        'ellipses=1&ellipses=1',
        'x=1',
        'name',
        'name=' + 'a' * 256,
        'name=a&name=b&name=c',
        'model=small&model=small',
        'detect=2',
        'detect=',
        'box=1,2,3',
        'box=1,2,3,4,5',
        'box=a,b,c,d',
        'box=',
        'box=1,2,nan,4',
        'box=1,2,inf,4',
        'box=-1e300,2,3,4',
        'box=3,2,1,4',  # x1 > x2
        'box=1,2,3,2',  # no area
        '&'.join(101 * ['box=1,2,3,4']),
        '&'.join(51 * ['box=1,2,3,4', 'face=1,2,3,4']),
        'face=1,2,3',
        'face=3,2,1,4',
        '%',
    ],
)
def test_parameters(ask: Ask, png: bytes, query: str) -> None:
    answer = ask(f'/predict?{query}', png)
    assert answer.status == 400 and 'ellipses=' in answer.json['error']


# ------------------------------------------------------------------ robustness


def test_invalid_requests_do_not_stop_the_server(
    server: PageServer, ask: Ask, capsys: pytest.CaptureFixture
) -> None:
    for request in (
        b'',
        b'\r\n\r\n',
        b'\x16\x03\x01\x02\x00\x01\x00',  # start of a TLS connection
        b'GET\r\n\r\n',
        b'GET /\r\n\r\n',
        b'GET / HTTP/9.9\r\n\r\n',
        b'GET /' + b'a' * 70_000 + b' HTTP/1.0\r\n\r\n',
        b'GET / HTTP/1.0\r\n' + b'a: b\r\n' * 200 + b'\r\n',
        b'GET / HTTP/1.0\r\nHost: ' + b'a' * 70_000 + b'\r\n\r\n',
    ):
        raw(server, request)
    assert ask('/').status == 200
    assert 'Traceback' not in capsys.readouterr().err


def test_an_internal_error_is_answered(
    ask: Ask,
    png: bytes,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError('no room')

    with monkeypatch.context() as patch:
        patch.setitem(service.predictors, service.default, fail)
        answer = ask('/predict', png)
    assert answer.status == 500
    assert answer.json['error'] == (
        'The server failed; its terminal shows the details (MemoryError: no room).'
    )
    assert 'Traceback' in capsys.readouterr().err
    assert ask('/predict', png).status == 200


def test_a_client_that_disconnects_early_does_not_stop_the_server(
    server: PageServer, ask: Ask, png: bytes, capsys: pytest.CaptureFixture
) -> None:
    head = b'POST /predict HTTP/1.0\r\nHost: localhost\r\n'
    length = f'Content-Length: {len(png)}\r\n\r\n'.encode()
    for content in (png[:50], png):
        connection = socket.create_connection(server.server_address)
        # Close the connection with a reset at once.
        linger = b'\1\0\0\0\0\0\0\0'
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.sendall(head + length + content)
        connection.close()
    assert ask('/predict', png).status == 200
    assert 'Traceback' not in capsys.readouterr().err


def test_a_silent_connection_times_out(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Handler, 'timeout', 0.1)
    request = b'POST /predict HTTP/1.0\r\nHost: a\r\nContent-Length: 9\r\n\r\n'
    request = request.replace(b'Host: a', b'Host: localhost')
    assert status_of(raw(server, request, shut=False)) == 408
    assert raw(server, b'GET /', shut=False) == b''


def test_one_prediction_at_a_time_and_few_waiting_uploads(
    server: PageServer, ask: Ask, png: bytes, service: Service
) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask('/predict', png)))
        for _ in range(module.UPLOADS)
    ]
    with service.lock:  # like a prediction that takes long
        for thread in threads:
            thread.start()
        start = time.monotonic()
        while server.uploads._value and time.monotonic() - start < 20:
            time.sleep(0.01)
        assert not answers
        busy = ask('/predict', png)
        assert busy.status == 503 and 'try again' in busy.json['error']
        assert ask('/').status == 200
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * len(threads)
    assert ask('/predict', png).status == 200


def test_an_unknown_model_is_refused(ask: Ask, png: bytes) -> None:
    """A request chooses among the served models and never names a file."""
    for name in ('other', 'small.pth', '/etc/passwd', '../small', 'rcn-5'):
        answer = ask(f'/predict?model={name}', png)
        assert answer.status == 400 and 'give one of small' in answer.json['error']
    assert ask('/predict?model=small', png).status == 200


def test_boxes(ask: Ask, png: bytes) -> None:
    """Boxes replace the detector; with detect=1 both are used."""

    def found(query: str) -> list[list[float]]:
        faces = ask(f'/predict?{query}', png).json['coco']['annotations']
        return [face['bbox'] for face in faces]

    (detected,) = found('')
    assert found('box=10,20,140.5,150') == [[10, 20, 130.5, 130]]
    two = 'box=10,20,140,150&box=20,20,140,150'
    assert found(two) == [[10, 20, 130, 130], [20, 20, 120, 130]]
    assert found('box=0,0,30,30&detect=1') == [detected, [0, 0, 30, 30]]
    assert found('detect=0') == []
    (face,) = found('face=0,0,100,80')
    np.testing.assert_allclose(face, [-17.456, -34.819, 134.912, 134.912], atol=0.01)
    many = '&'.join(['box=10,20,140,150'] * 100)
    assert len(found(f'{many}&name=a&ellipses=0&model=small&detect=0')) == 100


# ------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ('host', 'expected'),
    [
        ('127.0.0.1', True),
        ('127.8.8.8', True),
        ('::1', True),
        ('localhost', True),
        ('0.0.0.0', False),
        ('::', False),
        ('192.168.0.7', False),
        ('', False),
        ('example.org', False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_ipv6(service: Service) -> None:
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip('This machine has no IPv6.')
    with PageServer(service, '::1', 0) as server:
        assert server.url == f'http://[::1]:{server.server_port}'
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        connection = http.client.HTTPConnection('::1', server.server_port)
        connection.request('GET', '/')
        assert connection.getresponse().status == 200
        thread.join()
