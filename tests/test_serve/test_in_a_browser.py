"""The page in a real browser: choose and drop images, draw, save files."""

from __future__ import annotations

import base64
import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.serve.service import NO_FACE, Service

from .browser import Browser, find_programs

pytestmark = pytest.mark.skipif(
    find_programs() is None,
    reason='no chromium with chromedriver; Debian: apt-get install chromium '
    'chromium-driver',
)
DONE = "!document.getElementById('status').textContent.endsWith('...')"
STATUS = "document.getElementById('status').textContent"
DROP = """
const bytes = Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], arguments[0]));
document.getElementById('drop').dispatchEvent(new DragEvent('drop',
  { dataTransfer: files, bubbles: true, cancelable: true }));
"""
ROWS = """
return [...document.querySelectorAll('tbody tr')].map(
  (line) => [...line.cells].map((cell) => cell.textContent));
"""


@pytest.fixture(scope='module')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp('browser'))
    yield browser
    browser.close()


def drop(browser: Browser, name: str, content: bytes) -> str:
    """Drop a file, wait for the answer and return the status line."""
    browser.run(DROP, name, base64.b64encode(content).decode())
    browser.wait(f'{STATUS}.startsWith("{name}") && {DONE}')
    return browser.run(f'return {STATUS}')


def saved(path: Path) -> str:
    """Wait for a file that the browser saves; return its text."""
    for _ in range(400):
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise FileNotFoundError(path)


def test_the_page(
    browser: Browser,
    server: PageServer,
    service: Service,
    face: np.ndarray,
    png: bytes,
    tmp_path: Path,
) -> None:
    browser.open(server.url)
    browser.wait("document.getElementById('limits').textContent")
    told = browser.run("return document.getElementById('model').textContent")
    assert told == 'small, 5 keypoints'
    assert browser.run("return document.getElementById('json').disabled")

    # Choose a file.
    path = tmp_path / 'face.png'
    path.write_bytes(png)
    browser.choose('#file', path)
    browser.wait(f'{STATUS} && {DONE}')
    said = browser.run(f'return {STATUS}')
    assert said.startswith('face.png: 1 face in ') and said.endswith(' s.')
    expected = service.predictor(face)
    rows = browser.run(ROWS)
    assert [row[1] for row in rows] == list(expected.names)
    numbers = np.array([[float(x) for x in row[2:5]] for row in rows])
    np.testing.assert_allclose(numbers[:, :2], expected.keypoints[0], atol=0.0501)
    np.testing.assert_allclose(numbers[:, 2], expected.confidence[0], atol=0.000501)
    shown = "document.getElementById('drawn')"
    browser.wait(f'{shown}.naturalWidth === 800')
    plain = browser.run(f'return {shown}.src')

    # Draw ellipses.
    browser.click('#ellipses')
    browser.wait(
        f'{shown}.src !== arguments[0] && {DONE}'.replace(
            'arguments[0]', json.dumps(plain)
        )
    )

    # Save the results.
    for ending in ('json', 'csv'):
        browser.click(f'#{ending}')
    coco = json.loads(saved(browser.folder / 'face.json'))
    points = np.reshape(coco['annotations'][0]['keypoints'], (-1, 3))[:, :2]
    np.testing.assert_allclose(points, expected.keypoints[0])
    lines = saved(browser.folder / 'face.csv').splitlines()
    assert len(list(csv.DictReader(lines))) == 5

    # Drop a text file, an image without a face, a file that is too large, and a
    # file whose name looks like HTML.
    assert 'JPEG, PNG, WEBP, BMP' in drop(browser, 'a.jpg', b'<b>')
    assert browser.run("return document.getElementById('result').hidden")
    black = cv2.imencode('.bmp', np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    assert NO_FACE in drop(browser, 'black.bmp', black)
    assert browser.run("return document.getElementById('table').hidden")
    many = drop_large(browser)
    assert 'Make the image smaller' in many
    said = drop(browser, '<b>bold</b>.png', png)
    assert said.startswith('<b>bold</b>.png: 1 face')

    # The page loads nothing from other sites, and its content security policy
    # blocks nothing.
    places = browser.run(
        "return performance.getEntriesByType('resource').map((r) => r.name)"
    )
    assert places and all(place.startswith(server.url) for place in places)
    refused = [line['message'] for line in browser.log()]
    # The browser logs answers with an error status, such as 415.
    assert [x for x in refused if 'status of 415' not in x] == []


def drop_large(browser: Browser) -> str:
    """Drop a file above the size limit, which the script creates."""
    script = DROP.replace(
        'Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0))',
        'new Uint8Array(arguments[1])',
    )
    browser.run(script, 'large.png', 2**25 + 1)
    browser.wait(f'{STATUS}.startsWith("large.png") && {DONE}')
    return browser.run(f'return {STATUS}')
