"""The commands of docs/predict.md and the code of the model cards run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.cli import main
from rcn_mmpose.synthetic import SyntheticFace, render_face

pytest.importorskip('onnxruntime')
ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs' / 'predict.md'
CARDS = sorted((ROOT / 'docs' / 'models').glob('*.md'))
CALLED = r'^(?:\.venv/bin/)?rcn-mmpose (.+)$'


def commands(page: Path) -> list[list[str]]:
    """Return the calls of rcn-mmpose in the blocks of a page."""
    text = page.read_text(encoding='utf-8')
    blocks = re.findall(r'^```sh\n(.*?)^```', text, re.DOTALL | re.MULTILINE)
    joined = '\n'.join(blocks).replace('\\\n', ' ')
    return [shlex.split(words) for words in re.findall(CALLED, joined, re.M)]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SyntheticFace:
    """A folder that holds the files that the commands name."""
    monkeypatch.chdir(tmp_path)
    face = render_face(0, size=320, pose=(0.0, 0.0, 0.0), plain=True)
    cv2.imwrite('photo.jpg', face.image)
    for folder in ('images', 'more/inside', 'a', 'b', 'data/annotations'):
        Path(folder).mkdir(parents=True)
    shutil.copy('photo.jpg', 'images/first.jpg')
    cv2.imwrite('more/inside/second.png', face.image)
    return face


def write_annotations(face: SyntheticFace, prediction: Path, path: Path) -> None:
    """Write the true keypoints of the faces that a file of predictions names."""
    images = json.loads(prediction.read_text())['images']
    points = np.hstack((face.keypoints, np.full((68, 1), 2.0))).ravel().tolist()
    box = [*face.keypoints.min(0), *np.ptp(face.keypoints, axis=0)]
    annotations = [
        dict(
            id=image['id'],
            image_id=image['id'],
            category_id=1,
            bbox=box,
            keypoints=points,
        )
        for image in images
    ]
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='face')],
    )
    path.write_text(json.dumps(content))


def write_video(face: SyntheticFace, path: str) -> None:
    codec = cv2.VideoWriter_fourcc(*'mp4v')
    video = cv2.VideoWriter(path, codec, 25, face.image.shape[1::-1])
    for _ in range(3):
        video.write(face.image)
    video.release()


def prepare(verb: str, words: list[str], face: SyntheticFace) -> None:
    """Make the files that a command reads and that no earlier command writes."""
    if '--boxes' in words:
        x1, y1, x2, y2 = 40, 60, 280, 300
        rows = [f'{p},{x1},{y1},{x2},{y2}' for p in ('first.jpg', 'second.png')]
        Path('boxes.csv').write_text('\n'.join(('file,x1,y1,x2,y2', *rows)) + '\n')
    elif verb == 'video':
        for name in ('talk.mp4', 'a.mp4', 'b.mp4'):
            write_video(face, name)
    elif verb == 'evaluate':
        path = Path('data/annotations/300w_test.json')
        write_annotations(face, Path('keypoints.json'), path)
    elif verb == 'plot':
        for folder in ('a', 'b'):
            shutil.copy('errors.csv', folder)


def written(words: list[str]) -> list[str]:
    """Return the outputs that a command names."""
    options = ('--out', '--draw', '--curves', '--errors')
    named = [words[words.index(o) + 1] for o in options if o in words]
    named = [path.replace('{name}', Path(words[1]).stem) for path in named]
    return named + [words[-1]] * (words[0] == 'export')


def test_commands_of_the_page_on_prediction(photo: SyntheticFace) -> None:
    pytest.importorskip('matplotlib')
    ran = []
    for words in commands(PAGE):
        verb = words[0]
        # The server does not end; a trained network of one's own is not here.
        if verb == 'serve' or any('work_dirs/' in word for word in words):
            continue
        prepare(verb, words, photo)
        assert main(words) == 0, words
        for path in written(words):
            assert Path(path).exists(), (words, path)
        ran.append(verb)
    assert set(ran) >= {'predict', 'video', 'evaluate', 'plot', 'export', 'models'}


def test_commands_of_the_readme(photo: SyntheticFace) -> None:
    called = commands(ROOT / 'README.md')
    assert called
    for words in called:
        assert main(words) == 0, words
        for path in written(words):
            assert Path(path).exists(), (words, path)


@pytest.mark.parametrize('card', CARDS, ids=lambda path: path.stem)
def test_code_of_the_model_cards(card: Path, photo: SyntheticFace) -> None:
    text = card.read_text(encoding='utf-8')
    names: dict = dict(x1=40, y1=60, x2=280, y2=300)
    for code in re.findall(r'^```python\n(.*?)^```', text, re.DOTALL | re.MULTILINE):
        exec(code, names)
    assert names['result'].found.any()
