"""The page in a real browser: choose and drop images, draw, save files."""

from __future__ import annotations

import base64
import csv
import json
import threading
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.serve.drawn_faces import training_boxes
from rcn_mmpose.serve.server import PageServer
from rcn_mmpose.serve.service import NO_FACE, Service
from rcn_mmpose.synthetic import render_face

from .browser import Browser, find_programs

pytestmark = pytest.mark.skipif(
    find_programs() is None,
    reason='no chromium with chromedriver; Debian: apt-get install chromium '
    'chromium-driver',
)
DONE = "!document.getElementById('status').textContent.endsWith('...')"
STATUS = "document.getElementById('status').textContent"
FILES = """
const bytes = Uint8Array.from(atob(arguments[1]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
files.items.add(new File([bytes], arguments[0]));
"""
DROP = f"""
{FILES}
document.getElementById('drop').dispatchEvent(new DragEvent('drop',
  {{ dataTransfer: files, bubbles: true, cancelable: true }}));
"""
PASTE = f"""
{FILES}
document.body.dispatchEvent(new ClipboardEvent('paste',
  {{ clipboardData: files, bubbles: true, cancelable: true }}));
"""
FACES = "document.querySelectorAll('#faces details')"
# Elements with content beyond their sides, and buttons that are not wide.
MISSHAPEN = """
const shown = [...document.querySelectorAll('body, body *')].filter(
  (part) => part.checkVisibility() && !part.matches('.unseen, option'));
return shown.filter((part) => {
  const area = part.getBoundingClientRect();
  return area.right > innerWidth + 0.5 || area.left < -0.5
    || (part.matches('button, .button') && area.width < 1.5 * area.height);
}).map((part) => part.outerHTML.slice(0, 80));
"""
TAB, ENTER, ESCAPE = '\ue004', '\ue007', '\ue00c'
ROWS = """
return [...document.querySelectorAll('tbody tr')].map(
  (line) => [...line.cells].map((cell) => cell.textContent));
"""


@pytest.fixture(scope='module')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp('browser'))
    yield browser
    browser.close()


def give(browser: Browser, name: str, content: bytes, script: str = DROP) -> str:
    """Drop or paste a file, wait for the answer and return the status line."""
    browser.run(script, name, base64.b64encode(content).decode())
    return answered(browser, name)


def answered(browser: Browser, name: str) -> str:
    """Wait for the answer on an image and return the status line."""
    browser.wait(f'{STATUS}.startsWith({json.dumps(name)}) && {DONE}')
    return browser.run(f'return {STATUS}')


def open_page(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    browser.wait("document.getElementById('limits').textContent")


def standing_still(browser: Browser) -> list[float]:
    """Wait until the drawn image stops moving; return its left, top and width."""
    area: list[float] = []
    for _ in range(200):
        before, area = (
            area,
            browser.run(
                "const area = document.getElementById('drawn').getBoundingClientRect();"
                'return [area.left, area.top, area.width]'
            ),
        )
        if area == before:
            return area
        time.sleep(0.1)
    raise TimeoutError(f'the image still moves: {area}')


def saved(path: Path) -> bytes:
    """Wait for a file that the browser saves; return its content."""
    for _ in range(400):
        if path.exists():
            return path.read_bytes()
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
    browser.resize(1280)
    open_page(browser, server)
    told = browser.run("return document.getElementById('model').textContent")
    assert told == 'small, 5 keypoints'
    assert browser.run("return document.getElementById('choice').hidden")
    assert browser.run("return document.getElementById('result').hidden")

    # Choose a file.
    path = tmp_path / 'face.png'
    path.write_bytes(png)
    browser.choose('#file', path)
    browser.wait(f'{STATUS} && {DONE}')
    said = browser.run(f'return {STATUS}')
    assert said.startswith('face.png: 1 face in ') and said.endswith(' s.')
    expected = service.predictor(face)
    assert browser.run(f'return {FACES}.length') == 1
    browser.click('#faces summary')
    browser.wait("document.querySelector('tbody tr')")
    rows = browser.run(ROWS)
    assert [row[0] for row in rows] == list(expected.names)
    numbers = np.array([[float(x) for x in row[1:4]] for row in rows])
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
    for id_ in ('json', 'csv', 'image'):
        browser.click(f'#{id_}')
    coco = json.loads(saved(browser.folder / 'face.json'))
    points = np.reshape(coco['annotations'][0]['keypoints'], (-1, 3))[:, :2]
    np.testing.assert_allclose(points, expected.keypoints[0])
    lines = saved(browser.folder / 'face.csv').decode().splitlines()
    assert len(list(csv.DictReader(lines))) == 5
    url = browser.run(f'return {shown}.src')
    assert saved(browser.folder / 'face-keypoints.jpg') == base64.b64decode(
        url.partition(',')[2]
    )

    # Drop a text file, an image without a face, a file that is too large, and a
    # file whose name looks like HTML.
    assert 'JPEG, PNG, WebP, BMP' in give(browser, 'a.jpg', b'<b>')
    assert browser.run("return document.getElementById('result').hidden")
    black = cv2.imencode('.bmp', np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    assert NO_FACE in give(browser, 'black.bmp', black)
    assert browser.run("return document.getElementById('faces').hidden")
    many = drop_large(browser)
    assert 'Make the image smaller' in many
    said = give(browser, '<b>bold</b>.png', png)
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
    return answered(browser, 'large.png')


@pytest.fixture(scope='module')
def nine() -> bytes:
    """Nine faces, as a TIFF, which browsers cannot show."""
    faces = [render_face(i, pose=(0.0, 0.0, 0.0), plain=True).image for i in range(9)]
    rows = [np.hstack(faces[i : i + 3]) for i in (0, 3, 6)]
    return cv2.imencode('.tiff', np.vstack(rows))[1].tobytes()


@pytest.mark.parametrize('width', [320, 360, 768, 1280])
def test_nine_faces_at_the_width_of_a_phone_and_of_a_desk(
    browser: Browser, server: PageServer, nine: bytes, width: int
) -> None:
    """Nothing is wider than the window, and the page stays short."""
    browser.resize(width, mobile=width < 768)
    open_page(browser, server)
    assert browser.run(MISSHAPEN) == []
    said = give(browser, 'a_rather_long_name_of_' * 8 + 'nine.tiff', nine)
    assert '.tiff: 9 faces in' in said
    browser.wait("document.getElementById('drawn').naturalWidth")
    browser.run('document.querySelectorAll("summary").forEach((line) => line.click())')
    browser.wait("document.querySelectorAll('tbody tr').length === 45")
    assert browser.run(MISSHAPEN) == []
    assert browser.run('return document.documentElement.scrollWidth') <= width
    # It was 17,513 pixels for nine faces of 68 keypoints; each face adds no height
    # beyond the part that scrolls.
    assert browser.run('return document.documentElement.scrollHeight') < 2500
    assert browser.run("return document.getElementById('faces').clientHeight") < 500
    marks = "document.querySelectorAll('#marks div')"
    assert browser.run(f'return {marks}.length') == 9
    # The marks are at the boxes.
    coco = browser.run('return shown.coco')
    for i, face in enumerate(coco['annotations']):
        x, y, side, _ = face['bbox']
        place = browser.run(
            "const image = document.getElementById('drawn').getBoundingClientRect();"
            f'const mark = {marks}[{i}].getBoundingClientRect();'
            'return [mark.left - image.left, mark.top - image.top, mark.width]'
            '.map((value) => value * arguments[0] / image.width)',
            coco['images'][0]['width'],
        )
        np.testing.assert_allclose(place, [x + 0.5, y + 0.5, side], atol=0.1)


def test_a_screen_reader_finds_a_name_for_each_control(
    browser: Browser, server: PageServer, png: bytes
) -> None:
    open_page(browser, server)
    give(browser, 'face.png', png)
    browser.run("document.querySelector('#numbers summary').click()")
    nodes = browser.tool('Accessibility.getFullAXTree')['nodes']
    named: dict[str, list[str]] = {}
    for node in nodes:
        role = node.get('role', {}).get('value')
        name = node.get('name', {}).get('value', '').strip()
        named.setdefault(role, []).append(name)
    assert named['spinbutton'] == ['left', 'top', 'right', 'bottom']
    assert 'find faces automatically' in named['checkbox']
    assert named['image'] == ['face.png with the keypoints of its faces']
    assert 'Faces' in named['region']
    assert {'Boxes', 'Save'} <= set(named['group'])
    for role in ('button', 'checkbox', 'region', 'DisclosureTriangle'):
        assert named[role] and all(named[role]), role
    (status,) = (x for x in nodes if x.get('role', {}).get('value') == 'status')
    live = {x['name']: x['value'].get('value') for x in status['properties']}
    assert live['live'] == 'polite'


def test_an_image_before_the_page_knows_the_models(
    browser: Browser, server: PageServer, png: bytes
) -> None:
    """The request for the models is late or failed; the image is not lost."""
    open_page(browser, server)
    browser.run(
        "limits = starting = null;document.getElementById('models').replaceChildren()"
    )
    assert ': 1 face' in give(browser, 'early.png', png)
    assert browser.run("return document.getElementById('models').length") == 1


def test_paste_and_drop_replace_the_chosen_file(
    browser: Browser, server: PageServer, png: bytes, tmp_path: Path
) -> None:
    browser.resize(1280)
    open_page(browser, server)
    path = tmp_path / 'chosen.png'
    path.write_bytes(png)
    browser.choose('#file', path)
    answered(browser, 'chosen.png')
    assert ': 1 face' in give(browser, 'pasted.png', png, PASTE)
    assert ': 1 face' in give(browser, 'dropped.png', png)
    # The browser's own text beside the button, "No file chosen", is never seen.
    unseen = "getComputedStyle(document.getElementById('file')).opacity"
    assert browser.run(f'return {unseen}') == '0'
    browser.choose('#file', path)  # the same file again
    answered(browser, 'chosen.png')
    browser.run(
        "document.body.dispatchEvent(new DragEvent('drop', { bubbles: true,"
        'cancelable: true, dataTransfer: new DataTransfer() }))'
    )
    assert 'Give an image file' in browser.run(f'return {STATUS}')


@pytest.mark.parametrize('pointer', ['mouse', 'touch'])
def test_a_box_by_hand(
    browser: Browser, server: PageServer, service: Service, pointer: str
) -> None:
    """Draw a box around a face that the detector does not find."""
    browser.resize(360, mobile=True)
    open_page(browser, server)
    image = np.full((240, 320, 3), 90, np.uint8)
    content = cv2.imencode('.png', image)[1].tobytes()
    assert NO_FACE in give(browser, 'grey.png', content)
    browser.run("document.getElementById('draw').scrollIntoView()")

    def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
        # A touch scrolls on after it is lifted, and a new status line moves the
        # image: its place is read before each drag, once it stands still.
        left, top, width = standing_still(browser)
        scale = width / 320
        browser.drag(
            (left + (start[0] + 0.5) * scale, top + (start[1] + 0.5) * scale),
            (left + (end[0] + 0.5) * scale, top + (end[1] + 0.5) * scale),
            pointer,
        )

    # Without the button, a drag scrolls or does nothing.
    drag((50, 20), (200, 180))
    assert NO_FACE in browser.run(f'return {STATUS}')
    browser.run("document.getElementById('draw').click()")
    drag((200, 180), (201, 181))
    assert 'too small' in browser.run(f'return {STATUS}')
    drag((200, 180), (50, 20))  # from any corner
    assert ': 1 face' in answered(browser, 'grey.png')
    coco = browser.run('return shown.coco')
    x, y, width, height = coco['annotations'][0]['bbox']
    # The browser rounds the place of a pointer to a pixel of the screen.
    drawn = np.array([[50.0, 20.0, 200.0, 180.0]])
    np.testing.assert_allclose(
        [x, y, x + width, y + height],
        training_boxes(drawn, service.predictor)[0],
        atol=1.5,
    )
    expected = service.predictor(image, [[x, y, x + width, y + height]])
    points = np.reshape(coco['annotations'][0]['keypoints'], (-1, 3))[:, :2]
    np.testing.assert_allclose(points, expected.keypoints[0], atol=1e-3)
    browser.run("document.getElementById('undo').click()")
    browser.wait(f'{STATUS}.includes("0 faces")')


def test_the_keyboard_alone(browser: Browser, server: PageServer, png: bytes) -> None:
    browser.resize(1280)
    open_page(browser, server)
    give(browser, 'face.png', png)
    reached = []
    for _ in range(20):
        browser.press(TAB)
        name = browser.run(
            'const part = document.activeElement;'
            "return part.id || part.name || part.closest('[id]').id"
        )
        if name == 'numbers' and 'numbers' not in reached:
            browser.press(ENTER)  # opens the fields
        reached.append(name)
        width = browser.run(
            'const part = document.activeElement;'
            "const seen = part.matches('.unseen') ? part.nextElementSibling : part;"
            'return parseFloat(getComputedStyle(seen).outlineWidth)'
        )
        assert width >= 1, name  # the focus is visible
        if name == 'bottom':
            break
    assert [name for name in reached if name != 'body'] == [
        *('file', 'detect', 'ellipses', 'draw', 'numbers'),
        *('left', 'top', 'right', 'bottom'),
    ]
    fields = 'document.querySelector("#numbers form").elements'
    for name, value in dict(left=100, top=20, right=90, bottom=150).items():
        browser.run(f'{fields}.{name}.value = {value}')
    browser.press(ENTER)
    assert 'Left must be less than right' in browser.run(f'return {STATUS}')
    for name, value in dict(left=10, top=20, right=140, bottom=150).items():
        browser.run(f'{fields}.{name}.value = {value}')
    browser.press(ENTER)
    browser.wait('shown.coco.annotations[0].bbox[0] < -9')  # beyond the image
    browser.run("document.getElementById('draw').focus()")
    browser.press(ENTER)
    drawing = "document.getElementById('draw').getAttribute('aria-pressed')"
    assert browser.run(f'return {drawing}') == 'true'
    browser.press(ESCAPE)
    assert browser.run(f'return {drawing}') == 'false'


def test_the_choice_of_a_model(browser: Browser, service: Service, png: bytes) -> None:
    other = copy(service.predictor)
    other.info = replace(other.info, licence='CC BY 4.0')
    other.detector = lambda image: []
    both = Service({'one': service.predictor, 'other': other})
    with PageServer(both, '127.0.0.1', 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            open_page(browser, server)
            told = "document.querySelector('header p').textContent"
            said = 'one, 5 keypoints; licence of the weights: not stated'
            assert browser.run(f'return {told}') == said
            assert ': 1 face' in give(browser, 'face.png', png)
            browser.run(
                "const models = document.getElementById('models');"
                "models.value = 'other'; models.dispatchEvent(new Event('change'))"
            )
            browser.wait(f'{STATUS}.includes("0 faces")')
            said = 'other, 5 keypoints; licence of the weights: CC BY 4.0'
            assert browser.run(f'return {told}') == said
        finally:
            server.shutdown()
            thread.join()
    # The server is gone.
    browser.run("document.getElementById('ellipses').click()")
    assert 'The server does not answer' in answered(browser, 'face.png')
    assert browser.run("return document.getElementById('again').checkVisibility()")
    browser.log()
