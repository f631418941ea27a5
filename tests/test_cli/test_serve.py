from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.inference import loading


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
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.strip() == 'stopped.'
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


@pytest.mark.parametrize('host', ['127.0.0.1', '0.0.0.0'])
def test_a_public_address_gets_a_warning(
    host: str,
    exported: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    from rcn_mmpose.serve.server import PageServer

    def interrupted(server: PageServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PageServer, 'serve_forever', interrupted)
    assert main(['serve', exported, '--port', '0', '--host', host]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f'http://{host}:')
    warned = f"anyone who can reach '{host}' can use this page" in said.err
    assert warned is (host == '0.0.0.0')
