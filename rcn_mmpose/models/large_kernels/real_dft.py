"""Discrete Fourier transform of maps as products of real matrices.

A transform of length N over n <= N positions is one matrix of cosines and one
matrix of sines, so both directions are ordinary matrix products. This needs
no complex numbers, which ONNX runtimes lack, and no padding with zeros, and
it works for any length. The frequencies are the first dimension of the
result, as products of spectra need them. Of N frequencies, 0 .. N / 2 are
kept, F = N / 2 + 1; the others of a real signal are their mirror.

``Scratch`` is reused memory for the intermediate results.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Scratch(threading.local):
    """Reused memory for intermediate results, one block for each purpose.

    On a CPU the memory of a large tensor is returned to the system when the
    tensor is freed. Allocating it again, page by page, takes longer than some
    of the products that fill it. A block is kept instead, one per thread. Its
    content is valid until the next call with the same name.
    """

    def __init__(self) -> None:
        self.blocks: dict[tuple, Tensor] = {}

    def __call__(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return uninitialised memory.

        Args:
            name (str): Purpose of the memory.
            like (Tensor): A tensor with the type and device of the result.
            *shape (int): Shape of the result.

        Returns:
            Tensor: A tensor of this shape with any content.
        """
        if not like.is_cpu:  # PyTorch's allocator reuses memory on a GPU
            return like.new_empty(shape)
        size, key = prod(shape), (name, like.dtype)
        if key not in self.blocks or self.blocks[key].numel() < size:
            with torch.inference_mode(False):
                self.blocks[key] = like.new_empty(size)
        return self.blocks[key][:size].view(shape)


class Axis(NamedTuple):
    """Matrices that transform one axis and back, float64.

    Attributes:
        analysis: Matrix (2F, n); rows of cosines, then rows of sines.
        synthesis: Matrix (n, 2F); its product with ``analysis`` is the
            identity.
    """

    analysis: Tensor
    synthesis: Tensor


def real_dft(positions: Sequence[int], length: int) -> Axis:
    """Make the matrices of one axis.

    Args:
        positions (Sequence[int]): Positions of the n samples; they may be
            negative and in any order, but lie within one period.
        length (int): The period N, even.

    Returns:
        Axis: Matrices for n samples and F = N / 2 + 1 frequencies.
    """
    angle = np.outer(np.arange(length // 2 + 1), np.asarray(positions))
    angle = 2 * np.pi / length * angle
    analysis = np.concatenate((np.cos(angle), np.sin(angle)))
    # frequencies 0 and N / 2 have no mirror
    weight = np.full((length // 2 + 1, 1), 2.0)
    weight[[0, -1]] = 1
    synthesis = (analysis * np.tile(weight, (2, 1))).T / length
    return Axis(torch.from_numpy(analysis), torch.from_numpy(synthesis.copy()))


def to_frequency(maps: Tensor, rows: Axis, columns: Axis) -> tuple[Tensor, Tensor]:
    """Transform M real maps into spectra.

    Args:
        maps (Tensor): Maps of shape (height, width, M).
        rows (Axis): Transform of the height, Fy frequencies.
        columns (Axis): Transform of the width, Fx frequencies.

    Returns:
        tuple[Tensor, Tensor]: Real and imaginary parts of the spectra, each
        (2, Fy, Fx, M): the frequencies (y, x) and (-y, x). Frequencies with
        y = 0 and y = N / 2 are in both.
    """
    planes = columns.analysis.to(maps) @ maps
    planes = rows.analysis.to(maps) @ planes.flatten(1)
    shape = (2, len(rows.analysis) // 2, 2, len(columns.analysis) // 2, -1)
    cos, sin = planes.view(shape)
    (cc, cs), (sc, ss) = cos.unbind(1), sin.unbind(1)
    real = torch.stack((cc - ss, cc + ss))
    imaginary = torch.stack((-sc - cs, sc - cs))
    return real, imaginary


def to_space(real: Tensor, imaginary: Tensor, rows: Axis, columns: Axis) -> Tensor:
    """Transform M spectra back into maps: the inverse of ``to_frequency``.

    Args:
        real (Tensor): Real parts, of shape (2, Fy, Fx, M).
        imaginary (Tensor): Imaginary parts, of the same shape.
        rows (Axis): Transform of the height.
        columns (Axis): Transform of the width.

    Returns:
        Tensor: Real maps of shape (height, width, M).
    """
    (plus, minus), (iplus, iminus) = real, imaginary
    _, height, width, count = real.shape
    planes = real.new_empty(2, height, 2, width, count)
    planes[0, :, 0] = plus + minus
    planes[0, :, 1] = -iplus - iminus
    planes[1, :, 0] = iminus - iplus
    planes[1, :, 1] = minus - plus
    maps = rows.synthesis.to(real) @ planes.view(2 * height, -1)
    maps = maps.view(-1, 2 * width, count)
    # each plane is twice the plane of to_frequency
    return (columns.synthesis / 2).to(real) @ maps
