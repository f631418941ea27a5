"""FaceNME against a plain brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_mmpose.evaluation.error_table import ErrorTable
from rcn_mmpose.evaluation.faces import FaceResult
from rcn_mmpose.evaluation.measures import MeasurePlan

META = dict(
    num_keypoints=4,
    keypoint_id2name=dict(enumerate('abcd')),
    normalisers=dict(eye_points=((0,), (1,))),
    keypoint_groups=dict(inner=(1, 2)),
)
NUMBERS = st.floats(-500, 500, width=32)


@st.composite
def face_lists(draw: st.DrawFn) -> list[FaceResult]:
    """One to six faces with four keypoints; the eyes are labelled and differ."""
    faces = []
    for number in range(draw(st.integers(1, 6))):
        values = draw(st.lists(NUMBERS, min_size=16, max_size=16))
        truth, pred = np.array(values, float).reshape(2, 4, 2)
        truth[1] = truth[0] + (draw(st.floats(1, 100)), 3)
        visible = np.array([True, True, *draw(st.tuples(*BOTH))])
        side = draw(st.floats(10, 400, width=32))
        cells = draw(st.lists(st.integers(0, 79), min_size=8, max_size=8))
        faces.append(
            FaceResult(
                dataset='toy',
                id=number,
                img_path=f'{number}.png',
                box=None,
                visible=visible,
                truth=truth,
                pred=pred,
                cells=np.array(cells).reshape(4, 2),
                size=np.array([80.0, 80.0]),
                centre=truth.mean(0),
                scale=np.array([side, side]),
                labels={},
            )
        )
    return faces


BOTH = [st.booleans()] * 2


def measured(faces: list[FaceResult]) -> dict[str, float]:
    table = ErrorTable(faces, MeasurePlan(META, detailed=True))
    return {m.name: value for m, value in table.values.items()}


def brute_force(faces: list[FaceResult]) -> dict[str, float]:
    """Compute the values by their definition, with one loop per sum."""
    errors: dict[str, list[float]] = {}
    for face in faces:
        eyes = math.hypot(*(face.truth[0] - face.truth[1]))
        xs, ys = (
            [p[i] for p, v in zip(face.truth, face.visible, strict=True) if v]
            for i in (0, 1)
        )
        box = math.sqrt((max(xs) - min(xs)) * (max(ys) - min(ys)))
        for group, members in (('', range(4)), ('_inner', (1, 2))):
            pixels, cells = [], []
            for k in members:
                if not face.visible[k]:
                    continue
                pixels.append(math.hypot(*(face.pred[k] - face.truth[k])))
                place = [
                    math.floor(
                        (face.truth[k][i] - face.centre[i] + face.scale[i] / 2)
                        * (80 / face.scale[i])
                        + 0.5
                    )
                    for i in (0, 1)
                ]
                cells.append(math.hypot(*(face.cells[k] - place)))
            for name, length in (('eye_points', eyes), ('box', box)):
                for protocol, found, unit in (
                    ('pixels', pixels, 1.0),
                    ('cells', cells, 80 / face.scale[0]),
                ):
                    if length and found:
                        mean = sum(found) / len(found) / (length * unit)
                        key = f'{protocol}_{name}{group}'
                        errors.setdefault(key, []).append(100 * mean)
    values = {}
    for key, found in errors.items():
        values[f'NME_{key}'] = sum(found) / len(found)
        for limit in (8, 10):
            area = sum(max(0.0, limit - e) for e in found)
            values[f'AUC{limit}_{key}'] = 100 * area / limit / len(found)
            failed = sum(e > limit for e in found)
            values[f'FR{limit}_{key}'] = 100 * failed / len(found)
    return values


@settings(max_examples=40)
@given(face_lists())
def test_by_brute_force(faces: list[FaceResult]) -> None:
    found = measured(faces)
    expected = brute_force(faces)
    assert expected.keys() <= found.keys()
    for name, value in expected.items():
        if name.startswith('FR'):  # rounding may move an error across the limit
            assert abs(found[name] - value) < 100.1 / len(faces)
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@settings(max_examples=40)
@given(face_lists(), st.randoms(use_true_random=False))
def test_the_order_of_faces_does_not_matter(
    faces: list[FaceResult], draw: object
) -> None:
    mixed = list(faces)
    draw.shuffle(mixed)
    assert measured(mixed) == measured(faces)  # to the last digit


@settings(max_examples=40)
@given(face_lists(), st.sampled_from([0.125, 0.5, 2.0, 64.0]))
def test_the_size_of_images_does_not_matter(
    faces: list[FaceResult], factor: float
) -> None:
    larger = [
        face._replace(
            truth=face.truth * factor,
            pred=face.pred * factor,
            centre=face.centre * factor,
            scale=face.scale * factor,
        )
        for face in faces
    ]
    found, expected = measured(larger), measured(faces)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@settings(max_examples=40)
@given(face_lists())
def test_a_perfect_prediction(faces: list[FaceResult]) -> None:
    perfect = [face._replace(pred=face.truth) for face in faces]
    for name, value in measured(perfect).items():
        if '_pixels_' in name:
            assert value == (100 if name.startswith('AUC') else 0), name
