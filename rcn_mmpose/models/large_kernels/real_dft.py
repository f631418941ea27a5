"""Discrete Fourier transforms as products of real matrices, and their memory."""
# DOCS Memory that is used again and again.
# DOCS
# DOCS The discrete Fourier transform of maps as products of real matrices.
# DOCS
# DOCS A transform of length N over n <= N positions is a matrix of cosines and one
# DOCS of sines, so both directions are ordinary matrix products: no complex numbers,
# DOCS which ONNX runtimes lack, no padding with zeros, any length, and the
# DOCS frequencies come out first, as products of spectra want them. Of N
# DOCS frequencies 0 .. N / 2 are kept, F = N / 2 + 1; the others of a real signal
# DOCS are their mirror.

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Scratch(threading.local):
    """Blocks for intermediate results, one for each purpose.

    On a CPU large tensors are given back to the system and come anew, page
    by page, which takes longer than some of the products that fill them. A
    block lives on instead, in each thread its own; what it holds is good
    until the next call asks for it by the same name.
    """

    def __init__(self) -> None:
        self.blocks: dict[tuple, Tensor] = {}

    def __call__(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return memory of any content.

        Args:
            name (str): Purpose.
            like (Tensor): Decides on type and device.
            *shape (int): The shape wanted.

        Returns:
            Tensor: Of this shape.
        """
        if not like.is_cpu:  # where PyTorch keeps memory itself
            return like.new_empty(shape)
        size, key = prod(shape), (name, like.dtype)
        if key not in self.blocks or self.blocks[key].numel() < size:
            with torch.inference_mode(False):
                self.blocks[key] = like.new_empty(size)
        return self.blocks[key][:size].view(shape)


class Axis(NamedTuple):
    """Transform of one axis and back, float64.

    Attributes:
        analysis: (2F, n); rows of cosines, then of sines.
        synthesis: (n, 2F); its product with ``analysis`` is the identity.
    """

    analysis: Tensor
    synthesis: Tensor


def real_dft(positions: Sequence[int], length: int) -> Axis:
    """Make the matrices of one axis.

    Args:
        positions (Sequence[int]): Where the n samples lie; they may be
            negative and in any order, but within one period.
        length (int): The period N, even.

    Returns:
        Axis: For n samples and F = N / 2 + 1 frequencies.
    """
    angle = np.outer(np.arange(length // 2 + 1), np.asarray(positions))
    angle = 2 * np.pi / length * angle
    analysis = np.concatenate((np.cos(angle), np.sin(angle)))
    # 0 and N / 2 have no mirror
    weight = np.full((length // 2 + 1, 1), 2.0)
    weight[[0, -1]] = 1
    synthesis = (analysis * np.tile(weight, (2, 1))).T / length
    return Axis(torch.from_numpy(analysis), torch.from_numpy(synthesis.copy()))


def to_frequency(maps: Tensor, rows: Axis, columns: Axis) -> tuple[Tensor, Tensor]:
    """Transform M real maps at once.

    Args:
        maps (Tensor): Of shape (height, width, M).
        rows (Axis): Transform of the height, Fy frequencies.
        columns (Axis): Transform of the width, Fx frequencies.

    Returns:
        tuple[Tensor, Tensor]: Real and imaginary parts of the spectra, each
        (2, Fy, Fx, M): the frequencies (y, x) and (-y, x). Those with y = 0
        and N / 2 are in both.
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
    """Transform M spectra back; the inverse of :func:`to_frequency`.

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
    # each plane is twice the one that to_frequency had
    return (columns.synthesis / 2).to(real) @ maps
