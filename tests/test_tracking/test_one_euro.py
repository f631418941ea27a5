from __future__ import annotations

import math

import numpy as np
import pytest

from rcn_mmpose.tracking.one_euro import FilteredFace, OneEuroFilter, smoothing


def by_hand(
    xs: list[float], step: float, cutoff: float, beta: float, dcutoff: float
) -> list[float]:
    """Filter one coordinate by algorithm 1 of the paper."""

    def alpha(fc: float) -> float:
        tau = 1 / (2 * math.pi * fc)
        return 1 / (1 + tau / step)

    out, last, speed = [], None, 0.0
    for x in xs:
        if last is None:
            last = x
        else:
            change = (x - last) / step
            speed = alpha(dcutoff) * change + (1 - alpha(dcutoff)) * speed
            a = alpha(cutoff + beta * abs(speed))
            last = a * x + (1 - a) * last
        out.append(last)
    return out


def test_one_coordinate_equals_the_algorithm_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    xs = rng.normal(size=30).cumsum()
    calm = OneEuroFilter(1.2, 6.0, 0.8, rest=0, noise=0)
    found = [calm(np.array([[x, 5.0]]), i / 25, size=2.0)[0] for i, x in enumerate(xs)]
    wanted = by_hand(xs.tolist(), 1 / 25, 1.2, 6.0 / 2.0, 0.8)
    np.testing.assert_allclose(np.array(found)[:, 0], wanted)
    assert (np.array(found)[:, 1] == 5).all()


def test_rotated_input_gives_rotated_output() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 4, 2)).cumsum(0)
    turn = np.array([(0.6, -0.8), (0.8, 0.6)])
    first, second = OneEuroFilter(), OneEuroFilter()
    for i, p in enumerate(points):
        a = first(p, i / 30, 10.0)
        b = second(p @ turn.T, i / 30, 10.0)
    np.testing.assert_allclose(b, a @ turn.T)


def test_jitter_is_reduced_and_motion_is_followed() -> None:
    rng = np.random.default_rng(2)
    times = np.arange(200) / 25
    still = rng.normal(size=(200, 1, 2)) * 0.5
    calm = OneEuroFilter()
    found = [calm(p, t, 100.0) for p, t in zip(still, times, strict=True)]
    assert np.std(found[50:]) < 0.5 * np.std(still)
    # A face that moves by its own size in a second.
    moving = np.stack((100 * times, 0 * times), -1)[:, None]
    calm = OneEuroFilter()
    found = [calm(p, t, 100.0) for p, t in zip(moving, times, strict=True)]
    lag = moving[-1, 0, 0] - found[-1][0, 0]
    slow = OneEuroFilter(slope=0)
    found = [slow(p, t, 100.0) for p, t in zip(moving, times, strict=True)]
    assert 0 < lag < 0.2 * (moving[-1, 0, 0] - found[-1][0, 0])


def test_smoothing() -> None:
    # A cut-off period of 2 pi steps gives the new value the weight 1/2.
    assert smoothing(1 / (2 * math.pi), 1.0) == pytest.approx(0.5)


def test_invalid_options_and_times() -> None:
    for options in (
        dict(cutoff=0),
        dict(slope=-1),
        dict(speed_cutoff=0),
        dict(rest=-1),
        dict(noise=-1),
    ):
        with pytest.raises(ValueError, match=f'{next(iter(options))}='):
            OneEuroFilter(**options)
    calm = OneEuroFilter()
    calm(np.zeros((1, 2)), 1.0, 5.0)
    with pytest.raises(ValueError, match='frames in order of time'):
        calm(np.zeros((1, 2)), 1.0, 5.0)


def test_covariance_and_confidence_have_the_weights_of_the_keypoints() -> None:
    rng = np.random.default_rng(3)
    calm, check = OneEuroFilter(), OneEuroFilter()
    points = rng.normal(size=(3, 4, 2)).cumsum(0)
    confidence, spread = np.zeros(4), np.zeros((4, 2, 2))
    for i, p in enumerate(points):
        face = FilteredFace(p, np.full(4, i + 1.0), np.full((4, 2, 2), i + 1.0))
        last = calm.position
        found = calm.smooth(face, i / 30, 50.0)
        np.testing.assert_array_equal(found.keypoints, check(p, i / 30, 50.0))
        if last is None:
            weight = np.ones(4)
        else:
            weight = (found.keypoints - last)[:, 0] / (p - last)[:, 0]
        confidence += weight * (i + 1 - confidence)
        spread += weight[:, None, None] * (i + 1 - spread)
        np.testing.assert_allclose(found.confidence, confidence)
        np.testing.assert_allclose(found.covariance, spread)


def test_noise_at_rest_is_removed_at_any_strength() -> None:
    rng = np.random.default_rng(4)
    for deviation in (0.2, 1.0):
        noise = deviation * rng.normal(size=(150, 5, 2))
        calm = OneEuroFilter()
        found = [calm(100 + p, i / 30, 200.0) for i, p in enumerate(noise)]
        steps = np.diff(found[30:], axis=0)
        assert steps.std() < 0.25 * np.diff(noise[30:], axis=0).std()


def test_a_wave_of_two_hertz_keeps_its_amplitude() -> None:
    times = np.arange(90) / 30
    wave = 4 * np.sin(4 * np.pi * times)  # 2 % of the face
    calm = OneEuroFilter()
    found = [
        calm(np.array([(100.0, 100 + y), (50, 50), (60, 50)]), t, 200.0)[0, 1] - 100
        for t, y in zip(times, wave, strict=True)
    ]
    phase = np.exp(4j * np.pi * times[15:])
    ratio = abs(np.array(found[15:]) @ phase) / abs(wave[15:] @ phase)
    assert ratio == pytest.approx(1, abs=0.05)
