"""tools/analysis_tools/figures.py, on tiny datasets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import load_tool
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from test_with_mmpose import make_faces

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs'
TINY = {
    'model.refiner.backbone.channels': 2,
    'model.refiner.backbone.kernel_size': 3,
    'model.refiner.head.in_channels': 2,
}


def repeat(path: Path, times: int) -> None:
    """Repeat the faces of an annotation file, each with a new id."""
    content = json.loads(path.read_text())
    faces = content['annotations'] * times
    content['annotations'] = [dict(f, id=i) for i, f in enumerate(faces, 1)]
    path.write_text(json.dumps(content))


def weights(config: str, **options: object) -> list[str]:
    """Return a config and a checkpoint of untrained weights, as arguments."""
    path = CONFIGS / f'{config}.py'
    cfg = Config.fromfile(str(path))
    cfg.merge_from_dict(options)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    checkpoint = Path(f'{path.stem}.pth')
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return [str(path), str(checkpoint)]


@pytest.fixture
def models(converted: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for a SumNet and an RCN, with a hundred test faces."""
    monkeypatch.chdir(converted.parent)
    repeat(converted / 'annotations' / 'aflw5_test.json', 25)
    return [
        *('--model', 'SumNet', *weights('paper/aflw_sumnet_4')),
        *('--model', 'RCN', *weights('paper/aflw_rcn_4')),
    ]


@pytest.fixture
def tool() -> Callable[..., None]:
    return load_tool('analysis_tools/figures.py').main


@pytest.mark.parametrize('figure', ['s1', 's2', '3', 'ced'])
def test_figures_of_two_models(
    figure: str, tool: Callable, models: list[str], capsys: object
) -> None:
    tool([figure, *models])
    faces = figure in ('s1', '3')
    folder = Path('work_dirs' if faces else 'docs') / 'figures'
    path = folder / f'figure_{figure}.png'
    image = cv2.imread(str(path)).astype(int)
    assert image.std() > 5
    *_, last = capsys.readouterr().out.splitlines()
    assert last == str(path)
    if figure == 's1':  # six rows of ten maps, each with a blue true keypoint
        warmth = image[..., 2] - image[..., 0]  # red minus blue; the maps are grey
        true = warmth < -60
        height, width = true.shape
        assert true[: height // 6].any() and true[-height // 6 :].any()
        rows, columns = np.nonzero(warmth > 100)
        assert rows.min() > height / 2 and columns.min() > width / 2


def test_number_of_faces_can_be_limited(
    tool: Callable, models: list[str], capsys: pytest.CaptureFixture
) -> None:
    tool(['ced', *models, '--faces', '7', '--out', 'new/ced.png'])
    assert 'RCN: 7 faces, error ' in capsys.readouterr().out
    assert Path('new/ced.png').is_file()


def test_figure_of_a_joint_model(
    tool: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_faces(Path('data'), 68, ('300w_test.json',))
    Path('data/images').rename('data/300w')
    repeat(Path('data/annotations/300w_test.json'), 3)
    changes = [f'{key}={value}' for key, value in TINY.items()]
    model = ['--model', 'joint', *weights('joint_300w', **TINY)]
    tool(['7', *model, '--cfg-options', *changes])
    out = capsys.readouterr().out
    for row in ('RCN', 'denoiser', 'joint'):
        assert re.search(rf'^{row}: 12 faces, error \d+\.\d\d %$', out, re.M)
    image = cv2.imread('work_dirs/figures/figure_7.png').astype(int)
    # Yellow predictions are in all ten columns.
    yellow = image[..., :2].min(-1) < image[..., 1:].min(-1) - 100
    columns = np.array_split(yellow.any(0)[image.shape[1] // 10 :], 10)
    assert all(column.any() for column in columns)


def test_real_faces_are_not_written_into_the_project(
    tool: Callable, models: list[str]
) -> None:
    for out in (ROOT / 'docs' / 'x.png', ROOT / 'x.png'):
        with pytest.raises(ValueError, match='would put real faces among'):
            tool(['3', *models, '--out', str(out)])
        assert not out.exists()
    place = load_tool('analysis_tools/figures.py').place
    parse = load_tool('analysis_tools/figures.py').parse_args
    for arguments, path in (
        (['3', '--data', 'synthetic'], 'docs/figures/figure_3_synthetic.png'),
        (['s2'], 'docs/figures/figure_s2.png'),
        (['3'], 'work_dirs/figures/figure_3.png'),
    ):
        assert place(parse([*arguments, *models])) == path


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (['7'], r"\['SumNet', 'RCN'\]: figure 7 needs 1, each with"),
        (['s1', '--model', 'RCN', 'a', 'b'], 'figure s1 needs 2, each with'),
        (['ced', '--model', 'x', 'a', 'b'], "checkpoint 'b' does not exist"),
        (['s1', '--face', '100'], '--face 100: give 0 to 99'),
        (['ced', '--data', 'synthetic'], 'annotation file .*test_5.json'),
    ],
)
def test_errors(
    change: list[str], message: str, tool: Callable, models: list[str]
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        tool([*change, *models])


def test_checkpoint_of_another_model(tool: Callable, models: list[str]) -> None:
    swapped = ['--model', 'a', models[2], models[7]]
    with pytest.raises(ValueError, match='does not fit .*aflw_sumnet_4.py'):
        tool(['ced', *swapped])
