from __future__ import annotations

import numpy as np
import pytest

from rcn_mmpose.datasets.transforms import WithholdLabels


def kept(part: float, faces: int) -> list[int]:
    step = WithholdLabels(kept=part)
    out = []
    for i in range(faces):
        visible = np.array([[1.0, 0.0, 1.0]], np.float32)
        results = step(dict(sample_idx=i, keypoints_visible=visible))
        found = results['keypoints_visible']
        assert found.shape == (1, 3) and found.dtype == np.float32
        if found.any():
            assert found is visible
            out.append(i)
    return out


@pytest.mark.parametrize(
    ('part', 'step'), [(0.05, 20), (0.1, 10), (0.2, 5), (0.5, 2), (1, 1)]
)
def test_every_nth_face_keeps_its_labels(part: float, step: int) -> None:
    assert kept(part, 3148) == list(range(step - 1, 3148, step))


@pytest.mark.parametrize('part', [0.29, 0.3, 0.37, 2 / 3])
def test_labelled_faces_are_spread_evenly(part: float) -> None:
    places = kept(part, 1000)
    assert len(places) == int(1000 * part + 1e-6)
    gaps = np.diff(places)
    assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize('part', [0, -0.1, 1.2])
def test_fraction_out_of_range(part: float) -> None:
    with pytest.raises(ValueError, match=f'kept={part}; give a part of 1'):
        WithholdLabels(kept=part)
