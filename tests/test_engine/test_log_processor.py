"""Tests of the log line of a validation or a test."""

from __future__ import annotations

from types import SimpleNamespace

from rcn_mmpose.engine.log_processor import ShortLogProcessor, hidden_values
from rcn_mmpose.evaluation.face_nme import FaceNME

META = dict(
    num_keypoints=2,
    keypoint_id2name={0: 'left', 1: 'right'},
    dataset_name='two',
    normalisers=dict(eye_points=((0,), (1,))),
)
NAMES = [
    'NME_pixels_eye_points',
    'NME_cells_box',
    'AUC8_pixels_eye_points',
    'NME_pixels_eye_points_left',
    'PCK',
]


def evaluator(prefix: str | None = None) -> SimpleNamespace:
    metric = FaceNME(detailed=True, prefix=prefix)
    metric.dataset_meta = META
    return SimpleNamespace(metrics=[metric])


def test_only_the_main_errors_are_shown() -> None:
    assert hidden_values(evaluator(), NAMES) == set(NAMES[2:4])
    names = [f'a/{name}' for name in NAMES]
    assert hidden_values(evaluator('a'), names) == set(names[2:4])
    assert hidden_values(SimpleNamespace(metrics=[]), NAMES) == set()


def test_the_files_get_all_values(monkeypatch) -> None:
    values = {name: 1.5 for name in NAMES}
    line = 'Epoch(test) [1/1]    ' + '  '.join(f'{n}: 1.5' for n in NAMES)
    parent = ShortLogProcessor.__mro__[1]
    monkeypatch.setattr(
        parent, 'get_log_after_epoch', lambda *arguments: (values, line)
    )
    runner = SimpleNamespace(test_loop=SimpleNamespace(evaluator=evaluator()))
    found, short = ShortLogProcessor().get_log_after_epoch(runner, 1, 'test')
    assert found == values
    assert short == (
        'Epoch(test) [1/1]    NME_pixels_eye_points: 1.5  NME_cells_box: 1.5  PCK: 1.5'
    )
