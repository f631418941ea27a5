from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rcn_mmpose.codecs.calibration import FLOOR, Calibration
from rcn_mmpose.image.colours import bgr
from rcn_mmpose.lab.calibration.confidence_fit import (
    Outcomes,
    chi_square,
    fit,
    held_out,
    join_outcomes,
    mahalanobis,
    outcomes_of,
    score,
)
from rcn_mmpose.lab.calibration.map_statistics import (
    TEMPERATURES,
    UNIT,
    MapStatistics,
    at_temperatures,
)
from rcn_mmpose.lab.calibration.reliability import (
    Bins,
    draw_reliability,
    equal_bins,
    log_loss,
)

SIDE = 24


def bumps(
    random: np.random.Generator, count: int
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Probability maps (count, H, W), their middles and deviations."""
    middle = SIDE / 2 + random.uniform(-2, 2, (count, 2))
    deviation = random.uniform(0.8, 3.0, count)
    y, x = np.mgrid[:SIDE, :SIDE]
    apart = (x - middle[:, 0, None, None]) ** 2
    apart = apart + (y - middle[:, 1, None, None]) ** 2
    scores = -apart / (2 * deviation[:, None, None] ** 2)
    flat = torch.from_numpy(scores).flatten(1).softmax(-1)
    return flat.view(count, SIDE, SIDE), middle, deviation


def make(faces: int, temperature: float, seed: int = 0) -> MapStatistics:
    """Maps that are too sharp: the truths are spread by the temperature."""
    random = np.random.default_rng(seed)
    maps, middle, deviation = bumps(random, 4 * faces)
    spread = deviation[:, None] * math.sqrt(temperature)
    offset = random.normal(size=(4 * faces, 2)) * spread
    confidence, second, covariance = at_temperatures(
        maps, torch.from_numpy(middle), 3.0
    )
    return MapStatistics(
        confidence.numpy().reshape(-1, faces, 4),
        second.numpy().reshape(-1, faces, 4, 2, 2),
        covariance.numpy().reshape(faces, 4, 2, 2),
        offset.reshape(faces, 4, 2),
        np.ones((faces, 4), bool),
        3.0,
    )


@pytest.fixture(scope='module')
def seen() -> MapStatistics:
    return make(400, temperature=1.5)


# ------------------------------------------------------- map statistics


def test_maps_at_temperatures_cell_by_cell() -> None:
    random = np.random.default_rng(3)
    maps = torch.rand(2, 6, 7, dtype=torch.float64)
    maps = maps / maps.sum((-2, -1), keepdim=True)
    keypoints = random.uniform(1, 5, (2, 2))
    mass, second, covariance = at_temperatures(maps, torch.from_numpy(keypoints), 2.0)
    assert TEMPERATURES[UNIT] == 1
    places = np.array([(x, y) for y in range(6) for x in range(7)])
    for g in (0, UNIT, len(TEMPERATURES) - 1):
        for k in range(2):
            weights = maps[k].numpy().ravel() ** (1 / TEMPERATURES[g])
            weights /= weights.sum()
            apart = places - keypoints[k]
            near = np.hypot(*apart.T) <= 2
            assert float(mass[g, k]) == pytest.approx(weights[near].sum())
            expected = np.einsum('n,ni,nj->ij', weights, apart, apart)
            np.testing.assert_allclose(second[g, k], expected)
            if g == UNIT:
                expected = np.cov(places.T, aweights=weights, ddof=0)
                np.testing.assert_allclose(covariance[k], expected)


# ------------------------------------------------------------------ fit


def test_the_fit_finds_the_temperature_of_the_truths(seen: MapStatistics) -> None:
    found = fit(seen)
    assert found.temperature == pytest.approx(1.5, rel=0.08)
    # maps and truths are both Gaussian: nothing is left to scale but what
    # the temperature missed
    product = found.temperature * found.covariance_scale
    assert product == pytest.approx(1.5, rel=0.07)
    before, after = score(outcomes_of(seen, None)), score(outcomes_of(seen, found))
    assert after.coverage['90'] == pytest.approx(0.9, abs=1e-3)
    assert after.coverage['50'] == pytest.approx(0.5, abs=0.04)
    assert before.coverage['90'] < 0.81
    # bins of 107 leave 0.03 to chance
    assert after.error < 0.05 and before.error > 0.1
    assert after.log_loss < before.log_loss


def test_other_faces(seen: MapStatistics) -> None:
    halves = list(held_out(seen, halvings=3))
    assert len(halves) == 6
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        both = join_outcomes(first, second)
        # every keypoint occurs once
        np.testing.assert_allclose(np.sort(both.near), np.sort(seen.near.ravel()))
        assert both.coverage(0.9) == pytest.approx(0.9, abs=0.03)
    # the fit does not use the faces that are scored
    own = {round(h.coverage(0.9), 6) for h in halves}
    assert own != {0.9}


def test_only_the_other_half_is_scored() -> None:
    """The truths of one half lie on the keypoints, the others far away."""
    seen = make(40, 1.0)
    far = np.arange(40) >= 20
    seen = seen._replace(
        offset=np.where(far[:, None, None], 50.0, 0.01) * np.ones((40, 4, 2))
    )
    near = np.flatnonzero(~far)
    said = outcomes_of(seen, fit(seen, np.flatnonzero(far)), near)
    assert said.near.all() and said.coverage(0.9) == 1
    said = outcomes_of(seen, fit(seen, near), np.flatnonzero(far))
    assert not said.near.any() and said.coverage(0.9) == 0


def test_unlabelled_keypoints_do_not_count(seen: MapStatistics) -> None:
    labelled = seen.labelled.copy()
    labelled[:, 2] = False
    offset = seen.offset.copy()
    offset[:, 2] = 99
    part = seen._replace(labelled=labelled, offset=offset)
    three = MapStatistics(
        *(
            np.delete(value, 2, axis=2 if i < 2 else 1)
            for i, value in enumerate(seen[:5])
        ),
        seen.radius,
    )
    assert fit(part) == fit(three)
    assert score(outcomes_of(part, None)) == score(outcomes_of(three, None))


def test_too_few_faces_to_fit() -> None:
    with pytest.raises(ValueError, match='19 validation faces'):
        fit(make(19, 1.0))
    seen = make(20, 1.0)
    with pytest.raises(ValueError, match='no keypoint .* is labelled'):
        fit(seen._replace(labelled=np.zeros((20, 4), bool)))


# --------------------------------------------------------------- scores


def test_chi_square_by_its_distribution() -> None:
    random = np.random.default_rng(0)
    squares = (random.normal(size=(200_000, 2)) ** 2).sum(1)
    for level in (0.5, 0.9, 0.95):
        share = (squares <= chi_square(level)).mean()
        assert share == pytest.approx(level, abs=0.004)


def test_distances_by_the_inverse() -> None:
    random = np.random.default_rng(0)
    root = random.normal(size=(50, 2, 2))
    covariance = root @ root.swapaxes(1, 2)
    offset = random.normal(size=(50, 2))
    distance, area = mahalanobis(offset, covariance)
    for i in range(50):
        inverse = np.linalg.inv(covariance[i])
        assert distance[i] == pytest.approx(offset[i] @ inverse @ offset[i])
        assert area[i] == pytest.approx(np.linalg.det(covariance[i]))
    flat = np.array([[[1.0, 0], [0, 0]]])
    assert mahalanobis(np.ones((1, 2)), flat)[0] == np.inf


def test_a_calibrated_ellipse_by_hand() -> None:
    seen = make(20, 1.0)
    calibration = Calibration(1.0, 2.5)
    covariance = 2.5 * (seen.spread[UNIT] + FLOOR * np.eye(2))
    said = outcomes_of(seen, calibration)
    expected = np.einsum(
        'nki,nkij,nkj->nk',
        seen.offset,
        np.linalg.inv(covariance),
        seen.offset,
    )
    np.testing.assert_allclose(said.distance, expected.ravel())


def test_coverage_by_size() -> None:
    said = Outcomes(
        confidence=np.linspace(0.1, 0.9, 20),
        near=np.ones(20, bool),
        distance=np.repeat([0.0, 9.0, 0.0, 9.0, 0.0], 4),
        area=np.repeat([5.0, 4.0, 3.0, 2.0, 1.0], 4),
    )
    assert score(said).by_size == [1, 0, 1, 0, 1]
    assert score(said).coverage['90'] == pytest.approx(0.6)


# ---------------------------------------------------------- reliability


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.1, 0.8, 0.3, 0.5])
    happened = np.array([True, False, False, True, True])
    bins = equal_bins(confidence, happened, 2)
    # two of 0.1, 0.3, 0.5 happened; one of 0.8, 0.9 happened
    np.testing.assert_allclose(bins.confidence, [0.3, 0.85])
    np.testing.assert_allclose(bins.share, [2 / 3, 1 / 2])
    assert bins.number.tolist() == [3, 2]
    expected = (3 * (2 / 3 - 0.3) + 2 * (0.85 - 0.5)) / 5
    assert bins.error == pytest.approx(expected)
    with pytest.raises(ValueError, match='5 keypoints do not fill 15 bins'):
        equal_bins(confidence, happened)


def test_log_loss_by_hand() -> None:
    found = log_loss(np.array([0.9, 0.2, 1.0]), np.array([True, False, False]))
    expected = -(math.log(0.9) + math.log(0.8) + math.log(1e-6)) / 3
    assert found == pytest.approx(expected)


def test_diagram(tmp_path: Path) -> None:
    bins = Bins(np.array([0.5, 0.9]), np.array([0.4, 1.0]), np.array([100, 101]))
    levels = np.array([0.1, 0.9])
    draw_reliability(
        str(tmp_path / 'a.png'),
        dict(before=bins, after=bins),
        dict(before=(levels, levels), after=(levels, levels)),
        'truths within the radius',
    )
    image = cv2.imread(str(tmp_path / 'a.png')).reshape(-1, 3)
    for colour in ('blue', 'vermillion'):
        assert (image == bgr(colour)).all(-1).sum() > 50
