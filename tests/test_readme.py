"""The code of the README works, and all pages name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from rcn_mmpose.synthetic import render_face

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
README = PAGES[0].read_text()


def test_the_config_of_the_readme_builds_a_model(tmp_path: Path) -> None:
    texts = re.findall(r'```python\n(.*?)```', README, re.DOTALL)
    (text,) = (text for text in texts if 'custom_imports' in text)
    path = tmp_path / 'config.py'
    path.write_text(text)
    cfg = Config.fromfile(str(path))
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    scores = model(torch.zeros(1, 3, 64, 64), None, mode='tensor')
    assert scores.shape == (1, 68, 64, 64)


def test_the_first_lines_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = re.findall(r'```python\n(.*?)```', README, re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('photo.jpg', render_face(0, 400, (0.0, 0.0, 0.0), plain=True).image)
    names: dict = {}
    exec(text, names)
    shapes = re.findall(r'result\.(\w+)\) +# \((.*?)\)', text)
    assert len(shapes) == 3
    for name, shape in shapes:
        expected = tuple(int(side) for side in shape.replace('N', '1').split(','))
        assert getattr(names['result'], name).shape == expected, name


def test_files_and_targets_that_are_named_exist() -> None:
    makefile = (ROOT / 'Makefile').read_text()
    for page in PAGES:
        text = page.read_text()
        for target in re.findall(r'\bmake ([a-z]+)\b', text):
            assert f'\n{target}:' in makefile, target
        for path in re.findall(
            r'\b(?:tools|configs|docs|requirements|rcn_mmpose)/[\w/]+\.\w+',
            text,
        ):
            assert (ROOT / path).is_file(), f'{page.name}: {path}'
