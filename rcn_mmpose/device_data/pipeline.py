"""A training pipeline's random part, for many faces at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

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
from ..geometry.squares import rotation_matrices
from ..image.crop import MAX_OVERSAMPLING
from .warp_and_targets import encode_cells, occlude, warp

# The order in which they may stand; each at most once.
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

    sampling: np.ndarray  # (B, 2, 3), network's pixels to the wide crop's
    keypoints: np.ndarray  # (B, 2, 3), the wide crop's pixels to its
    oversampling: np.ndarray  # samples along each side of a pixel
    flipped: np.ndarray  # bool
    rectangles: np.ndarray  # (B, 4): top, bottom, left, right


class BatchedPipeline:
    """The batched twin of the steps from the face box to the targets.

    It reads the settings off the transforms themselves. From the same wide
    crop and the same random numbers both give the same image and targets.

    Args:
        steps (Sequence[dict]): Configs, in this order and each at most once:
            ``RandomFlip`` (horizontal) or ``rcn_mmpose.FlipFace``,
            ``rcn_mmpose.UniformJitter``, ``rcn_mmpose.CropFace``,
            ``rcn_mmpose.RandomOcclusion``,
            ``GenerateTarget`` with ``rcn_mmpose.CellIndex``,
            ``PackPoseInputs``.

    Raises:
        ValueError: If a step has no batched twin, stands in another place or
            has settings that the twin does not have.
    """

    def __init__(self, steps: Sequence[dict]) -> None:
        built: dict[type, object] = {}
        for config in steps:
            name = config['type']
            step = TRANSFORMS.build(dict(config))
            kind = RandomFlip if type(step) is FlipFace else type(step)
            if kind not in STEPS:
                cure = CURES.get(type(step).__name__, 'leave it out')
                raise ValueError(
                    f'the transform {name!r} has no batched twin: {cure}, or '
                    'train by the plain path.'
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
        """Return what wide crops must cover so that no jitter leaves them.

        Returns:
            tuple[int, float]: Side of the wide crop in pixels, and how many
            times the box's side it covers. For jitter of 10 %, 10 % and 40
            degrees 160 pixels cover 1.78 times the box.
        """
        turn = math.radians(min(self.jitter.rotation, 45))
        side = 1 + self.jitter.scale
        reach = side * (math.cos(turn) + math.sin(turn))
        reach += 2 * self.jitter.shift + 4 * abs(self.label_bias)
        # 3: half a pixel that samples stray from the box, one that bilinear
        # interpolation reads beside them, on both sides
        crop_size = max(OVERSIZE * self.size, math.ceil(self.size * reach) + 3)
        return crop_size, reach * crop_size / (crop_size - 3)

    def place(self, draws: np.ndarray, crop_size: int, extent: float) -> Placement:
        """Turn random numbers into what happens to each face.

        Args:
            draws (np.ndarray): In [0, 1), of shape (B, 12): whether to flip;
                shift x and y, scale, rotation; whether to occlude, the
                rectangle's height, width, top and left.
            crop_size (int): Side of the wide crops.
            extent (float): How many times the box's side they cover.
        """
        flipped = draws[:, 0] < self.flip_prob
        jitter = 2 * draws[:, 1:5] - 1
        box = crop_size / extent
        centre = crop_size / 2 + box * self.jitter.shift * jitter[:, :2]
        side = box * (1 + self.jitter.scale * jitter[:, 2])
        rotation = self.jitter.rotation * jitter[:, 3]
        ratio = side / self.size
        oversampling = np.ceil(ratio - 1e-6).clip(1, MAX_OVERSAMPLING)

        # The network's axes are the image's, turned by the angle.
        turn = rotation_matrices(rotation)
        sampling = _affine(turn * ratio[:, None, None], self.size / 2, centre)
        back = turn.transpose(0, 2, 1) / ratio[:, None, None]
        keypoints = _affine(back, centre, self.size / 2)
        # Mirrored about the box's centre: x becomes crop_size - x. Box and
        # labels move on by twice the bias, so labels stay where they were in
        # the network's crop, and the image moves beneath them.
        sampling[flipped, 0] *= -1
        sampling[flipped, 0, 2] += crop_size - 2 * self.label_bias * box
        keypoints[flipped, :, 2] += keypoints[flipped, :, 0] * crop_size
        keypoints[flipped, :, 0] *= -1
        return Placement(
            sampling,
            keypoints,
            oversampling.astype(np.int64),
            flipped,
            self._rectangles(draws[:, 5:10]),
        )

    def _rectangles(self, draws: np.ndarray) -> np.ndarray:
        """Choose what to occlude, as ``RandomOcclusion`` does."""
        if self.occlusion is None:
            return np.zeros((len(draws), 4))
        low, high = (max(1, round(side * self.size)) for side in self.occlusion.sides)
        sides = low + np.floor(draws[:, 1:3] * (high - low + 1))
        starts = np.floor(draws[:, 3:5] * (self.size - sides + 1))
        ends = starts + sides
        ends[draws[:, 0] >= self.occlusion.prob] = 0
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
            rows = np.flatnonzero(oversampling == n)
            rows = torch.from_numpy(rows).to(crops.device)
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
        """Augment a batch and make its targets, on the device it lies on.

        Args:
            crops (Tensor): Wide crops, uint8 of shape (B, S, S).
            keypoints (Tensor): In pixels of them, float32 (B, K, 2).
            visible (Tensor): float32 (B, K).
            flip_indices (Tensor): The keypoints in a mirrored image, (K,).
            draws (np.ndarray): From :func:`~.random_draws.uniform_draws`.
            extent (float): How many times the box's side the crops cover.

        Returns:
            tuple: Grey images, float32 (B, 1, H, W) in [0, 255], and the
            targets of :func:`~.batched_targets.encode_cells`.
        """
        placed = self.place(draws, crops.shape[-1], extent)
        # one copy to the device instead of four
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
        # no matrix product, which a GPU may round to TF32
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
    """Return maps (B, 2, 3) that bring one point to another."""
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
            "device path flips horizontally alone; use direction='horizontal' "
            'and one probability.'
        )
    return flip.prob


def _codec(target: GenerateTarget) -> CellIndex:
    """Read the codec, and check that nothing else is asked for."""
    if type(target.encoder) is not CellIndex:
        raise ValueError(
            f'GenerateTarget(encoder={target.encoder_cfg}): the device path '
            'makes targets of rcn_mmpose.CellIndex alone.'
        )
    if target.use_dataset_keypoint_weights:
        raise ValueError(
            'GenerateTarget(use_dataset_keypoint_weights=True) has no '
            'batched twin; leave it out, or train by the plain path.'
        )
    return target.encoder
