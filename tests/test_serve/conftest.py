"""Fixtures: the server of the page with a small model, in this process."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from test_inference.small_model import build, config, write_checkpoint

from rcn_mmpose.detect import HaarDetector
from rcn_mmpose.inference import load_model
from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.serve.service import Service
from rcn_mmpose.synthetic import render_face


class Answer(NamedTuple):
    """Answer of the server."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


Ask = Callable[..., Answer]


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights; the file contains its config."""
    folder = tmp_path_factory.mktemp('served')
    return write_checkpoint(folder / 'small.pth', config(), build())


@pytest.fixture(scope='session')
def service(checkpoint: Path) -> Service:
    predictor = load_model(checkpoint)
    return Service(predictor.with_detector(HaarDetector.for_model(predictor)))


@pytest.fixture
def server(service: Service) -> Iterator[PageServer]:
    """A server at a free port."""
    with PageServer(service, '127.0.0.1', 0) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs=dict(poll_interval=0.01)
        )
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server: PageServer) -> Ask:
    """A function that sends a request and returns the answer."""

    def ask(
        path: str,
        body: bytes | None = None,
        method: str | None = None,
        **headers: Any,
    ) -> Answer:
        connection = http.client.HTTPConnection(*server.server_address, timeout=30)
        named = {k.replace('_', '-'): str(v) for k, v in headers.items()}
        method = method or ('GET' if body is None else 'POST')
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return ask


@pytest.fixture(scope='session')
def face() -> np.ndarray:
    """A face that the detector finds, uint8 (160, 160, 3) BGR."""
    return render_face(0, pose=(0.0, 0.0, 0.0), plain=True).image


@pytest.fixture(scope='session')
def png(face: np.ndarray) -> bytes:
    """The same face as a PNG file."""
    return cv2.imencode('.png', face)[1].tobytes()
