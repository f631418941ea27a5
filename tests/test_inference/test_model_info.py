from __future__ import annotations

import json

import numpy as np
import pytest

from rcn_mmpose.datasets.transforms import FaceBox
from rcn_mmpose.inference import ModelInfo

INFO = ModelInfo((80, 80), ('a', 'b'))


@pytest.mark.parametrize(
    'rule',
    [
        dict(rule='given'),
        dict(rule='detection'),
        dict(rule='detection', scale=1.3, shift=0.0),
    ],
)
@pytest.mark.parametrize(
    'box', [(10, 20, 110, 120), (3.25, -7.5, 40.1, 90.3), (0, 0, 1e-3, 5)]
)
def test_the_square_equals_that_of_the_test_pipeline(rule: dict, box: tuple) -> None:
    info = ModelInfo((80, 80), ('a',), box_rule=rule)
    centre, side = info.square(np.array(box, float))
    # The boxes of annotations are float32.
    results = FaceBox(**rule)(dict(bbox=np.float32([box])))
    np.testing.assert_array_equal(centre, results['bbox_center'][0])
    np.testing.assert_array_equal([side, side], results['bbox_scale'][0])
    assert centre.dtype == np.float32
    assert side == np.float32(side)


@pytest.mark.parametrize(
    'box',
    [
        (5, 5, 5, 9),
        (9, 5, 5, 9),
        (5, 9, 9, 5),
        (0, 0, np.nan, 9),
        (0, 0, np.inf, 9),
    ],
)
def test_invalid_boxes(box: tuple) -> None:
    for rule in ('given', 'detection'):
        info = ModelInfo((80, 80), ('a',), box_rule=dict(rule=rule))
        with pytest.raises(ValueError, match='empty or not finite'):
            info.square(np.array(box, float))


@pytest.mark.parametrize(
    'rule',
    [
        dict(rule='eyes_and_mouth'),
        dict(rule='extent', scale=1.3),
        dict(rule='given', scale=1.3),
        dict(scale=1.3),
    ],
)
def test_rules_that_need_more_than_a_box(rule: dict) -> None:
    with pytest.raises(ValueError, match="rule='detection'"):
        ModelInfo((80, 80), ('a',), box_rule=rule)


def test_crops_are_square() -> None:
    with pytest.raises(ValueError, match='square'):
        ModelInfo((80, 60), ('a',))


def test_to_json_and_back() -> None:
    info = ModelInfo(
        (64, 64),
        ('Auge', 'œil'),
        box_rule=dict(rule='detection', shift=0.1),
        radius=2.5,
        name='x',
        versions=dict(torch='2.13'),
    )
    text = info.to_json(sha256='abc')
    assert json.loads(text)['sha256'] == 'abc'
    assert ModelInfo.from_json(text) == info


@pytest.mark.parametrize(
    'change', [dict(format=2), dict(input_size=None), dict(keypoints=3)]
)
def test_invalid_json(change: dict) -> None:
    content = {**json.loads(INFO.to_json()), **change}
    with pytest.raises(ValueError, match='does not describe a model'):
        ModelInfo.from_json(json.dumps(content))
    with pytest.raises(ValueError, match='does not describe a model'):
        ModelInfo.from_json('[]')
