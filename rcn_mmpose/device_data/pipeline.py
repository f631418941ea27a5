"""The random part of a training pipeline, for a whole batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import torch
from mmpose.datasets.transforms import (
    GenerateTarget,
    PackPoseInputs,
    RandomFlip,
)
from mmpose.registry import TRANSFORMS
from torch import Tensor

from ..codecs import CellIndex
from ..datasets.transforms import (
    CropFace,
    FlipFace,
    RandomOcclusion,
    UniformJitter,
)
from ..image.crop import MAX_OVERSAMPLING, rotation_matrices
from .warp_and_targets import encode_cells, occlude, warp


class Draw(IntEnum):
    """Columns of the random numbers of a face, each in [0, 1).

    A change of a number here changes what a seed draws.
    """

    FLIP = 0  # whether to mirror
    SHIFT_X = 1
    SHIFT_Y = 2
    SCALE = 3
    ROTATION = 4
    OCCLUDE = 5  # whether to draw a rectangle
    HEIGHT = 6  # of the rectangle
    WIDTH = 7
    TOP = 8
    LEFT = 9


# Columns in all: three whole steps of the generator's counter, so two are unused.
DRAWS = 12

# The order of the transforms; each at most once.
STEPS = (
    RandomFlip,
    UniformJitter,
    CropFace,
    RandomOcclusion,
    GenerateTarget,
    PackPoseInputs,
)
NEEDED = (CropFace, GenerateTarget)
CURES = dict(
    LCN='leave it to rcn_mmpose.LCNDataPreprocessor',
    LoadImage='use rcn_mmpose.LoadGreyImage',
    RandomBBoxTransform='use rcn_mmpose.UniformJitter',
    TopdownAffine='use rcn_mmpose.CropFace',
)
# Finer crops than the network's input, so that the second resampling costs
# little sharpness.
OVERSIZE = 2


class Placement(NamedTuple):
    """What happens to each face of a batch; all of length B."""

    sampling: np.ndarray  # (B, 2, 3), pixels of the network to the wide crop
    keypoints: np.ndarray  # (B, 2, 3), pixels of the wide crop to the network
    oversampling: np.ndarray  # samples along each side of a pixel
    flipped: np.ndarray  # bool
    rectangles: np.ndarray  # (B, 4): top, bottom, left, right


class BatchedPipeline:
    """The batched version of the steps from the face box to the targets.

    The settings come from the transforms themselves. From the same wide crop and
    the same random numbers both versions give the same image and targets.

    Args:
        steps (Sequence[dict]): Configs, in this order and each at most once:
            ``RandomFlip`` (horizontal) or ``rcn_mmpose.FlipFace``,
            ``rcn_mmpose.UniformJitter``, ``rcn_mmpose.CropFace``,
            ``rcn_mmpose.RandomOcclusion``,
            ``GenerateTarget`` with ``rcn_mmpose.CellIndex``,
            ``PackPoseInputs``.

    Raises:
        ValueError: If a step has no batched version, is in another place or
            has settings that the batched version does not have.
    """

    def __init__(self, steps: Sequence[dict]) -> None:
        built: dict[type, Any] = {}
        for config in steps:
            name = config['type']
            step = TRANSFORMS.build(dict(config))
            kind = RandomFlip if type(step) is FlipFace else type(step)
            if kind not in STEPS:
                cure = CURES.get(type(step).__name__, 'leave it out')
                raise ValueError(
                    f'the transform {name!r} has no batched version: {cure}, or '
                    'train without --device-data.'
                )
            if built and STEPS.index(kind) <= STEPS.index([*built][-1]):
                raise ValueError(
                    f'the transform {name!r} stands after '
                    f'{[*built][-1].__name__}; the batched order is '
                    f'{_names(STEPS)}, each at most once.'
                )
            built[kind] = step
        missing = [kind for kind in NEEDED if kind not in built]
        if missing:
            raise ValueError(
                f'the training pipeline has no {_names(missing)}, which the '
                'device path needs.'
            )
        self.flip_prob = _flip_prob(built.get(RandomFlip))
        self.label_bias = getattr(built.get(RandomFlip), 'label_bias', 0.0)
        self.jitter = built.get(UniformJitter) or UniformJitter(0, 0, 0)
        self.occlusion = built.get(RandomOcclusion)
        if self.occlusion is not None and self.occlusion.seed is not None:
            raise ValueError(
                f'RandomOcclusion(seed={self.occlusion.seed}) draws the same '
                'in each epoch; leave the seed out for training.'
            )
        self.codec = _codec(built[GenerateTarget])
        width, height = built[CropFace].input_size
        if width != height:
            raise ValueError(
                f'CropFace(input_size={(width, height)}): the device path '
                'takes square crops.'
            )
        self.size = width

    def crop_geometry(self) -> tuple[int, float]:
        """Return the size of wide crops that the jitter never leaves.

        Returns:
            tuple[int, float]: Side of the wide crop in pixels, and how many
            times the box's side it covers. For jitter of 10 %, 10 % and 40
            degrees 160 pixels cover 1.78 times the box.
        """
        turn = math.radians(min(self.jitter.rotation, 45))
        side = 1 + self.jitter.scale
        reach = side * (math.cos(turn) + math.sin(turn))
        reach += 2 * self.jitter.shift + 4 * abs(self.label_bias)
        # 3 pixels: on each side, samples lie half a pixel outside the box, and
        # bilinear interpolation reads one pixel beside them.
        crop_size = max(OVERSIZE * self.size, math.ceil(self.size * reach) + 3)
        return crop_size, reach * crop_size / (crop_size - 3)

    def place(self, draws: np.ndarray, crop_size: int, extent: float) -> Placement:
        """Turn random numbers into what happens to each face.

        Args:
            draws (np.ndarray): Random numbers in [0, 1), (B, 12), with the
                columns of :class:`Draw`.
            crop_size (int): Side of the wide crops.
            extent (float): How many times the box's side they cover.
        """
        flipped = draws[:, Draw.FLIP] < self.flip_prob
        jitter = 2 * draws[:, Draw.SHIFT_X : Draw.ROTATION + 1] - 1
        box = crop_size / extent
        centre = crop_size / 2 + box * self.jitter.shift * jitter[:, :2]
        side = box * (1 + self.jitter.scale * jitter[:, 2])
        rotation = self.jitter.rotation * jitter[:, 3]
        ratio = side / self.size
        oversampling = np.ceil(ratio - 1e-6).clip(1, MAX_OVERSAMPLING)

        # The axes of the network are those of the image, rotated by the angle.
        turn = rotation_matrices(rotation)
        sampling = _affine(turn * ratio[:, None, None], self.size / 2, centre)
        back = turn.transpose(0, 2, 1) / ratio[:, None, None]
        keypoints = _affine(back, centre, self.size / 2)
        # Mirroring about the centre of the box turns x into crop_size - x. Box and
        # labels then move by twice the bias: labels keep their place in the crop
        # of the network, and the image moves beneath them.
        sampling[flipped, 0] *= -1
        sampling[flipped, 0, 2] += crop_size - 2 * self.label_bias * box
        keypoints[flipped, :, 2] += keypoints[flipped, :, 0] * crop_size
        keypoints[flipped, :, 0] *= -1
        return Placement(
            sampling,
            keypoints,
            oversampling.astype(np.int64),
            flipped,
            self._rectangles(draws),
        )

    def _rectangles(self, draws: np.ndarray) -> np.ndarray:
        """Choose the rectangles as ``RandomOcclusion`` does, (B, 4)."""
        if self.occlusion is None:
            return np.zeros((len(draws), 4))
        low, high = (max(1, round(side * self.size)) for side in self.occlusion.sides)
        sides = draws[:, Draw.HEIGHT : Draw.WIDTH + 1]
        sides = low + np.floor(sides * (high - low + 1))
        starts = draws[:, Draw.TOP : Draw.LEFT + 1]
        starts = np.floor(starts * (self.size - sides + 1))
        ends = starts + sides
        ends[draws[:, Draw.OCCLUDE] >= self.occlusion.prob] = 0
        return np.stack((starts, ends), -1).reshape(-1, 4)

    def crop(self, crops: Tensor, sampling: Tensor, oversampling: np.ndarray) -> Tensor:
        """Warp wide crops to the network's input.

        Args:
            crops (Tensor): uint8 of shape (B, S, S).
            sampling (Tensor): From :class:`Placement`, float32.
            oversampling (np.ndarray): From there.

        Returns:
            Tensor: float32 (B, 1, H, W), whole numbers from 0 to 255.
        """
        counts = np.unique(oversampling)
        if len(counts) == 1:
            return warp(crops, sampling, self.size, int(counts[0]))
        out = sampling.new_empty(len(crops), 1, self.size, self.size)
        for n in counts.tolist():
            chosen = np.flatnonzero(oversampling == n)
            rows = torch.from_numpy(chosen).to(crops.device)
            out[rows] = warp(crops[rows], sampling[rows], self.size, n)
        return out

    def __call__(
        self,
        crops: Tensor,
        keypoints: Tensor,
        visible: Tensor,
        flip_indices: Tensor,
        draws: np.ndarray,
        extent: float,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Augment a batch and make its targets, on the device of the crops.

        Args:
            crops (Tensor): Wide crops, uint8 of shape (B, S, S).
            keypoints (Tensor): In pixels of them, float32 (B, K, 2).
            visible (Tensor): float32 (B, K).
            flip_indices (Tensor): The keypoints in a mirrored image, (K,).
            draws (np.ndarray): From
                :func:`~rcn_mmpose.device_data.preprocessor.uniform_draws`.
            extent (float): How many times the box's side the crops cover.

        Returns:
            tuple: Grey images, float32 (B, 1, H, W) in [0, 255], and the
            targets of
            :func:`~rcn_mmpose.device_data.warp_and_targets.encode_cells`.
        """
        placed = self.place(draws, crops.shape[-1], extent)
        # One copy to the device instead of four.
        packed = np.concatenate(
            [
                placed.sampling.reshape(-1, 6),
                placed.keypoints.reshape(-1, 6),
                placed.rectangles,
                placed.flipped[:, None],
            ],
            axis=1,
        )
        packed = torch.from_numpy(packed.astype(np.float32)).to(crops.device)
        sampling, matrix, rectangles, flipped = packed.split((6, 6, 4, 1), 1)
        grey = self.crop(crops, sampling.reshape(-1, 2, 3), placed.oversampling)
        if self.occlusion is not None:
            grey = occlude(grey, rectangles)
        if self.flip_prob > 0:
            swap = flipped > 0
            visible = visible[:, flip_indices].where(swap, visible)
            keypoints = keypoints[:, flip_indices].where(swap[..., None], keypoints)
        matrix = matrix.reshape(-1, 1, 2, 3)
        # A GPU may round a matrix product to TF32.
        keypoints = (matrix[..., :2] * keypoints[..., None, :]).sum(-1)
        keypoints = keypoints + matrix[..., 2]
        return grey, encode_cells(self.codec, keypoints, visible)


def _names(kinds: Sequence[type]) -> str:
    """List transforms."""
    return ', '.join(kind.__name__ for kind in kinds)


def _affine(
    linear: np.ndarray,
    source: np.ndarray | float,
    target: np.ndarray | float,
) -> np.ndarray:
    """Return affine maps (B, 2, 3) that move ``source`` to ``target``."""
    source = np.broadcast_to(source, (len(linear), 2))
    target = np.broadcast_to(target, (len(linear), 2))
    offset = target - np.einsum('bij,bj->bi', linear, source)
    return np.concatenate((linear, offset[..., None]), axis=-1)


def _flip_prob(flip: RandomFlip | None) -> float:
    """Read the probability of a mirrored image."""
    if flip is None:
        return 0.0
    if flip.direction != 'horizontal' or isinstance(flip.prob, list):
        raise ValueError(
            f'RandomFlip(prob={flip.prob}, direction={flip.direction!r}): the '
            "device path only flips horizontally; use direction='horizontal' "
            'and one probability.'
        )
    return flip.prob


def _codec(target: GenerateTarget) -> CellIndex:
    """Read the codec; raise an error for other settings."""
    if type(target.encoder) is not CellIndex:
        raise ValueError(
            f'GenerateTarget(encoder={target.encoder_cfg}): the device path '
            'only makes targets of rcn_mmpose.CellIndex.'
        )
    if target.use_dataset_keypoint_weights:
        raise ValueError(
            'GenerateTarget(use_dataset_keypoint_weights=True) has no '
            'batched version; leave it out, or train without --device-data.'
        )
    return target.encoder
