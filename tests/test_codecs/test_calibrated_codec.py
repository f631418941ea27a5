from __future__ import annotations

import numpy as np
import pytest
import torch

from rcn_mmpose.codecs import CellIndex
from rcn_mmpose.codecs.calibration import FLOOR, Calibration


def probabilities(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(*shape, generator=generator)
    return scores.flatten(2).softmax(-1).view(shape)


def test_a_temperature_by_hand() -> None:
    """Square roots of 0.64, 0.32, 0.04, 0, scaled to sum to 1."""
    maps = torch.tensor([0.64, 0.32, 0.04, 0.0]).view(1, 1, 2, 2)
    roots = np.sqrt([0.64, 0.32, 0.04, 0.0])
    found = Calibration(temperature=2).maps(maps)
    np.testing.assert_allclose(found.flatten(), roots / roots.sum(), rtol=1e-6)


def test_calibrated_maps_are_the_softmax_of_divided_scores() -> None:
    scores = 5 * torch.randn(2, 3, 6, 8)
    maps = scores.flatten(2).softmax(-1).view_as(scores)
    expected = (scores / 0.7).flatten(2).softmax(-1).view_as(scores)
    torch.testing.assert_close(Calibration(0.7).maps(maps), expected)
    assert Calibration(1.0).maps(maps) is maps


def test_covariance_about_the_keypoint() -> None:
    maps = probabilities(1, 1, 5, 7)[0, 0].double()
    keypoint = torch.tensor([2.3, 1.9]).double()
    places = torch.tensor([(x, y) for y in range(5) for x in range(7)])
    places, weights = places.double(), maps.flatten()
    mean = weights @ places
    apart = places - mean
    about_mean = (weights[:, None] * apart).T @ apart
    apart = places - keypoint
    expected = (weights[:, None] * apart).T @ apart + FLOOR * torch.eye(2)
    found = Calibration(1.3, 0.8).covariance(mean, about_mean, keypoint)
    torch.testing.assert_close(found, 0.8 * expected, rtol=1e-6, atol=0)


def test_the_covariance_of_a_certain_map_is_positive_definite() -> None:
    nothing = torch.zeros(2, 2)
    place = torch.tensor([4.0, 4.0])
    found = Calibration().covariance(place, nothing, place)
    assert torch.linalg.det(found) > 0


def test_calibration_changes_scores_but_not_keypoints() -> None:
    maps = probabilities(2, 3, 12, 12)
    plain = CellIndex((12, 12))
    options = dict(temperature=1.7, covariance_scale=2.0)
    calibrated = CellIndex((12, 12), calibration=options)
    keypoints, scores = plain.batch_decode(maps)
    others, flatter = calibrated.batch_decode(maps)
    np.testing.assert_array_equal(keypoints, others)
    assert (flatter < scores).all()
    # the mass within 3 cells, cell by cell
    tempered = maps ** (1 / 1.7)
    tempered = tempered / tempered.sum((-2, -1), keepdim=True)
    for i, k in np.ndindex(2, 3):
        x, y = keypoints[i, 0, k]
        mass = sum(
            float(tempered[i, k, r, c])
            for r, c in np.ndindex(12, 12)
            if (r - y) ** 2 + (c - x) ** 2 <= 9
        )
        assert flatter[i, 0, k] == pytest.approx(mass, abs=1e-5)


def test_a_neutral_calibration_changes_nothing() -> None:
    maps = probabilities(1, 2, 10, 10)
    plain = CellIndex((10, 10)).batch_decode(maps)
    neutral = CellIndex((10, 10), calibration={}).batch_decode(maps)
    np.testing.assert_array_equal(plain[0], neutral[0])
    np.testing.assert_array_equal(plain[1], neutral[1])


@pytest.mark.parametrize('value', [0, -1, float('nan'), float('inf'), 'hot'])
@pytest.mark.parametrize('name', ['temperature', 'covariance_scale'])
def test_values_that_are_not_positive(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'{name}=.*positive number'):
        CellIndex((8, 8), calibration={name: value})
