from __future__ import annotations

import numpy as np

from rcn_mmpose.device_data.preprocessor import uniform_draws


def keys(seed: int, epoch: int, count: int) -> np.ndarray:
    rows = [(seed, epoch, index) for index in range(count)]
    return np.array(rows, np.int64)


def test_numbers_depend_only_on_seed_epoch_and_index() -> None:
    whole = uniform_draws(keys(3, 7, 50), 50)
    order = np.random.default_rng(0).permutation(50)
    mixed = np.concatenate([keys(3, 7, 50)[order], keys(4, 7, 50)])
    again = uniform_draws(mixed, 50)
    np.testing.assert_array_equal(again[:50], whole[order])
    # The same keys in a larger dataset.
    np.testing.assert_array_equal(uniform_draws(keys(3, 7, 50), 9000), whole)


def test_other_keys_give_other_numbers() -> None:
    rows = [
        uniform_draws(keys(seed, epoch, 3), 3).ravel()
        for seed in (0, 1, 2**31)
        for epoch in (0, 1, 200)
    ]
    rows = np.concatenate(rows)
    assert len(np.unique(rows)) == rows.size


def test_numbers_equal_those_of_numpys_philox() -> None:
    """Twelve 64-bit words use three steps of the counter (four words per step)."""
    bits = np.random.Philox(key=np.array((5, 2), np.uint64))
    bits.advance(3 * 777)
    expected = np.random.Generator(bits).random(12)
    found = uniform_draws(np.array([(5, 2, 777)]), 1000)[0]
    np.testing.assert_array_equal(found, expected)


def test_uniform_and_independent() -> None:
    draws = uniform_draws(keys(0, 0, 4000), 4000)
    assert draws.shape == (4000, 12)
    assert 0 <= draws.min() and draws.max() < 1
    np.testing.assert_allclose(draws.mean(0), 0.5, atol=0.02)
    np.testing.assert_allclose(draws.std(0), 12**-0.5, atol=0.01)
    correlation = np.corrcoef(draws.T) - np.eye(12)
    assert np.abs(correlation).max() < 0.065
