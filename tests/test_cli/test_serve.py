from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.cli.serve import short_names
from rcn_mmpose.inference import loading
from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.shipped.catalogue import shipped_models


@pytest.fixture
def served(
    exported: str, root: Path, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen, int]]:
    """The running command with an exported model, without torch."""
    words = f'["serve", {exported!r}, "--port", "0"]'
    process = subprocess.Popen(
        [
            sys.executable,
            '-c',
            'import sys; sys.modules["torch"] = None\n'
            f'from rcn_mmpose.cli import main; sys.exit(main({words}))',
        ],
        cwd=tmp_path,
        # A shell starts background processes with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=str(root)),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    line = process.stdout.readline()
    assert line.startswith('http://127.0.0.1:'), process.stderr.read()
    yield process, int(line.split()[0].rpartition(':')[2])
    process.kill()
    process.communicate()


def tiff_of_one_bit(side: int) -> bytes:
    """A valid TIFF of black pixels, in PackBits: 2 bytes for 1,024 pixels."""
    rows = bytes([129, 0]) * (side // 1024) * side
    tags = {
        256: side,  # width
        257: side,  # height
        258: 1,  # bits
        259: 32773,  # PackBits
        262: 1,  # 0 is black
        273: 8,  # where the rows are
        277: 1,  # channels
        278: side,  # rows in one strip
        279: len(rows),
    }
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, x) for tag, x in tags.items())
    start = b'II*\0' + struct.pack('<I', 8 + len(rows))
    return start + rows + struct.pack('<H', len(tags)) + entries + bytes(4)


def test_from_start_to_ctrl_c(
    served: tuple[subprocess.Popen, int], face: np.ndarray, tmp_path: Path
) -> None:
    process, port = served
    for _ in range(2):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        content = cv2.imencode('.jpg', face)[1].tobytes()
        connection.request('POST', '/predict', content)
        answer = connection.getresponse()
        assert answer.status == 200
        found = json.loads(answer.read())
        assert len(found['coco']['annotations']) == 1
        connection.close()
    content = tiff_of_one_bit(15_872)  # above 250 million pixels
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    connection.request('POST', '/predict', content)
    answer = connection.getresponse()
    assert answer.status == 413
    assert 'claims 15872x15872 pixels' in json.loads(answer.read())['error']
    connection.close()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    licence, *rest = said.splitlines()
    assert licence.startswith('licence of the weights of small: ')
    assert rest == ['stopped.']
    assert list(tmp_path.iterdir()) == []  # images stay in memory


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ('none.onnx', "'none.onnx' does not exist"),
        ('{model} --port 65536', '--port 65536; give 0 to 65535'),
        ('{model} --smallest-face 2', 'smallest=2.0'),
        ('{model} --port {port}', 'give another port'),
        ('{model} --port 0 --host 203.0.113.1', 'give another --host'),
    ],
)
def test_invalid_arguments(
    words: str, message: str, exported: str, capsys: pytest.CaptureFixture
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        words = words.format(model=exported, port=port)
        assert main(['serve', *words.split()]) == 2
    said = capsys.readouterr()
    assert said.out == '' and message in said.err


def test_the_default_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def load(model: str) -> None:
        raise FileNotFoundError(f'asked for {model}')

    monkeypatch.setattr(loading, 'load_model', load)
    assert main(['serve']) == 2
    assert 'asked for rcn-68' in capsys.readouterr().err


def test_all_shipped_models_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request can name no other model, so the memory is known at the start."""
    pytest.importorskip('onnxruntime')
    served = []
    monkeypatch.setattr(
        PageServer, 'serve_forever', lambda server: served.append(server.service)
    )
    assert main(['serve', '--port', '0']) == 0
    names = list(served[0].predictors)
    assert names[0] == 'rcn-68' and sorted(names) == sorted(shipped_models())
    for name, predictor in served[0].predictors.items():
        assert predictor.info.name == name and predictor.detector is not None


@pytest.mark.parametrize(
    ('models', 'expected'),
    [
        (['rcn-5'], ['rcn-5']),
        (['work_dirs/a/best.pth'], ['best']),
        (['rcn-5', 'a/best.pth', 'b/best.pth'], ['rcn-5', 'a/best', 'b/best']),
        (['best.pth', 'a/best.pth'], ['best', 'a/best']),
        (['a/c/best.pth', 'b/c/best.onnx'], ['a/c/best', 'b/c/best']),
        (['best.pth', 'best.onnx'], ['best.pth', 'best.onnx']),
        (['v1.2.pth', 'v1.3.pth'], ['v1.2', 'v1.3']),
    ],
)
def test_short_names(models: list[str], expected: list[str]) -> None:
    assert short_names(models) == expected


@pytest.mark.parametrize('host', ['127.0.0.1', '0.0.0.0'])
def test_a_public_address_gets_a_warning(
    host: str,
    exported: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def interrupted(server: PageServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, 'serve_forever', interrupted)
    assert main(['serve', exported, '--port', '0', '--host', host]) == 0
    said = capsys.readouterr()
    assert said.out.startswith('http://127.0.0.1:')  # 0.0.0.0 is no address to open
    warned = f"anyone who can reach '{host}' can use this page" in said.err
    assert warned is (host == '0.0.0.0')
