"""The code of the pages on prediction and export runs from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.shipped.catalogue import shipped_models

PYTHON = re.compile(r'^```python\n(.*?)^```', re.DOTALL | re.MULTILINE)
DOCS = Path(__file__).parents[2] / 'docs'


def run(page: Path, names: dict) -> None:
    """Run the Python code of a page; a traceback shows the page's own lines."""
    text = page.read_text(encoding='utf-8')
    for block in PYTHON.finditer(text):
        before = text.count('\n', 0, block.start(1))
        code = compile('\n' * before + block[1], str(page), 'exec')
        exec(code, names)


@pytest.fixture(scope='module')
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Folder and names after the page on prediction."""
    folder = tmp_path_factory.mktemp('predict')
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(DOCS / 'predict.md', names)
    return folder, names


def test_predict(first: tuple[Path, dict]) -> None:
    folder, names = first
    drawn = cv2.imread(str(folder / 'drawn.png'))
    assert drawn.shape == names['face'].image.shape
    assert np.abs(drawn - names['face'].image.astype(int)).max() > 100
    # The last call finds the face with a detector.
    assert len(names['result']) == 1 and names['result'].found.all()
    assert names['error'] > 0 and names['doubtful'].shape == (5,)
    # The detector found the face; the missing image is named.
    assert len(names['results']) == len(names['first']) == 1
    (failure,) = names['results'].failures
    assert failure.image == 1 and "'missing.png'" in failure.reason
    assert len(names['both']) == 2 and len(names['both'].of(1)) == 0


def test_the_shipped_model_fits_its_rendered_face(first: tuple[Path, dict]) -> None:
    face = first[1]['face']
    result = load_model('rcn-68', detector='haar')(face.image)
    eyes = np.linalg.norm(face.five[1] - face.five[0])
    errors = np.linalg.norm(result.keypoints[0] - face.keypoints, axis=-1)
    assert errors.mean() < 0.2 * eyes


def test_export(first: tuple[Path, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    folder, _ = first
    monkeypatch.chdir(folder)
    names: dict = {}
    run(DOCS / 'export.md', names)
    expected = names['model'](names['image'], names['box'])
    np.testing.assert_allclose(names['in_image'], expected.keypoints[0], atol=0.05)
    assert names['description']['input_size'] == [80, 80]
    assert Path('face-int8.json').is_file()
    small = load_model('face-int8.onnx')
    assert small(names['image'], names['box']).found.all()


def test_models_that_are_named_ship() -> None:
    pages = [DOCS / f'{name}.md' for name in ('migration', 'predict', 'export')]
    for page in (DOCS.parent / 'README.md', *pages):
        text = page.read_text(encoding='utf-8')
        for name in re.findall(r"load_model\(\s*'([^'/.]+)'", text):
            assert name in shipped_models(), f'{page.name}: {name}'
