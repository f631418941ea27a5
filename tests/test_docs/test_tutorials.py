"""The tutorials run, from top to bottom, and promise no model in vain."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcn_mmpose.shipped.catalogue import shipped_models

PYTHON = re.compile(r'^```python\n(.*?)^```', re.DOTALL | re.MULTILINE)


def run(page: Path, names: dict) -> None:
    """Run the Python of a page, with the page's own lines in a trace."""
    text = page.read_text(encoding='utf-8')
    for block in PYTHON.finditer(text):
        before = text.count('\n', 0, block.start(1))
        code = compile('\n' * before + block[1], str(page), 'exec')
        exec(code, names)


@pytest.fixture(scope='module')
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Folder and names that the first tutorial leaves behind."""
    folder = tmp_path_factory.mktemp('tutorial')
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        docs = Path(__file__).parents[2] / 'docs'
        run(docs / 'tutorials' / 'predict.md', names)
    return folder, names


def test_predict(first: tuple[Path, dict]) -> None:
    folder, names = first
    drawn = cv2.imread(str(folder / 'drawn.png'))
    assert drawn.shape == names['face'].image.shape
    assert np.abs(drawn - names['face'].image.astype(int)).max() > 100
    assert len(names['result']) == 1 and names['result'].found.all()
    assert names['error'] > 0 and names['doubtful'].shape == (5,)
    # the detector found the face, and the missing image was named
    assert len(names['results']) == len(names['first']) == 1
    (failure,) = names['results'].failures
    assert failure.image == 1 and "'missing.png'" in failure.reason


def test_export(
    first: tuple[Path, dict], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    folder, names = first
    monkeypatch.chdir(folder)
    names = dict(names)
    run(root / 'docs' / 'tutorials' / 'export.md', names)
    expected = names['model'](names['image'], names['box'])
    np.testing.assert_allclose(names['in_image'], expected.keypoints[0], atol=0.05)
    assert names['description']['input_size'] == [80, 80]


def test_models_that_are_named_ship(root: Path) -> None:
    docs = root / 'docs'
    for page in (docs / 'migration.md', *docs.glob('tutorials/*.md')):
        text = page.read_text(encoding='utf-8')
        for name in re.findall(r"load_model\(\s*'([^'/.]+)'", text):
            assert name in shipped_models(), f'{page.name}: {name}'
