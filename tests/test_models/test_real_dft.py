from __future__ import annotations

import numpy as np
import pytest
import torch

from rcn_mmpose.models.large_kernels.real_dft import (
    real_dft,
    to_frequency,
    to_space,
)


@pytest.mark.parametrize(
    ('positions', 'length'),
    [(range(5), 8), (range(8), 8), (range(2, -3, -1), 12), ([7], 10)],
)
def test_synthesis_inverts_analysis(positions: range, length: int) -> None:
    axis = real_dft(positions, length)
    count, frequencies = len(positions), length // 2 + 1
    assert axis.analysis.shape == (2 * frequencies, count)
    assert axis.analysis.dtype == torch.float64
    torch.testing.assert_close(
        axis.synthesis @ axis.analysis, torch.eye(count).double()
    )


@pytest.mark.parametrize('start', [0, -2])
def test_spectra_equal_those_of_numpy(start: int) -> None:
    """Against the complex transform of the padded, shifted maps."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(5, 4, 3))
    rows = real_dft(range(start, start + 5), 8)
    columns = real_dft(range(4), 6)
    real, imaginary = to_frequency(torch.from_numpy(maps), rows, columns)
    assert real.shape == imaginary.shape == (2, 5, 4, 3)

    padded = np.zeros((8, 6, 3))
    padded[:5, :4] = maps
    expected = np.fft.fft2(np.roll(padded, start, axis=0), axes=(0, 1))
    found = real.numpy() + 1j * imaginary.numpy()
    for y in range(5):
        for x in range(4):
            np.testing.assert_allclose(found[0, y, x], expected[y, x])
            np.testing.assert_allclose(found[1, y, x], expected[-y, x])


def test_round_trip() -> None:
    rng = np.random.default_rng(1)
    maps = torch.from_numpy(rng.normal(size=(5, 4, 3)))
    axes = real_dft(range(5), 10), real_dft(range(3, -1, -1), 6)
    back = to_space(*to_frequency(maps, *axes), *axes)
    torch.testing.assert_close(back, maps)
    back = to_space(*to_frequency(maps.float(), *axes), *axes)
    assert back.dtype == torch.float32
    torch.testing.assert_close(back, maps.float(), rtol=1e-5, atol=1e-5)
