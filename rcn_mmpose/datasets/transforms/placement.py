"""Transforms that decide where the face is in the crop.

In the order of a pipeline: ``FaceBox`` chooses the square, ``FlipFace`` mirrors,
``UniformJitter`` moves, scales and rotates (paper, footnote 7), and ``CropFace`` or
``CropKeypoints`` crops.
"""

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import RandomFlip, TopdownAffine
from mmpose.structures.bbox import get_warp_matrix

from ...geometry.boxes import BOX_RULES, box_from_box, box_from_keypoints
from ...image.crop import oversampling, warp
from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class FaceBox(BaseTransform):
    """Choose the square of the image that the network sees.

    Required keys: ``bbox`` (1, 4), for the keypoint rules ``keypoints``
    (1, K, 2) and ``img_shape``. Added keys: ``bbox_center`` (1, 2) and
    ``bbox_scale`` (1, 2), the square's width and height in pixels.

    Args:
        rule (str): ``'given'``: the box of the annotation file (a box that is
            not square grows to a square);
            ``'detection'``: :func:`rcn_mmpose.geometry.boxes.box_from_detection`;
            ``'eyes_and_mouth'``:
            :func:`rcn_mmpose.geometry.boxes.box_from_eyes_and_mouth`;
            ``'extent'``: :func:`rcn_mmpose.geometry.boxes.box_from_extent`.
        **options: Arguments of the function, such as ``scale``.

    Raises:
        ValueError: If the rule or an option is unknown, or there is no box.
    """

    def __init__(self, rule: str = 'given', **options: float) -> None:
        if rule not in BOX_RULES:
            raise ValueError(f'rule={rule!r}; choose one of {tuple(BOX_RULES)}.')
        known = BOX_RULES[rule].options
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise ValueError(f'rule={rule!r} takes the options {known}, not {unknown}.')
        self.rule = rule
        self.options = options

    def transform(self, results: dict) -> dict:
        """Set the box of one sample."""
        try:
            box = self._box(results)
        except ValueError as error:
            raise ValueError(f'face in {results.get("img_path")!r}: {error}') from error
        centre = (box[:2] + box[2:]) / 2
        side = (box[2:] - box[:2]).max()
        results['bbox_center'] = centre[None].astype(np.float32)
        results['bbox_scale'] = np.full((1, 2), side, np.float32)
        return results

    def _box(self, results: dict) -> np.ndarray:
        """Apply the rule, (4,)."""
        if BOX_RULES[self.rule].source == 'box':
            return box_from_box(self.rule, results['bbox'][0], **self.options)
        if results.get('keypoints') is None:
            raise ValueError(
                f'rule={self.rule!r} needs true keypoints, but this sample '
                "has no keypoints; use rule='detection' for the box of a detector."
            )
        keypoints = results['keypoints'][0]
        visible = results.get('keypoints_visible')
        if visible is not None:  # (1, K) or (1, K, 2)
            visible = visible[0].reshape(len(keypoints), -1)[:, 0] > 0
            if self.rule == 'extent':
                keypoints = keypoints[visible]
            elif not visible.all():
                raise ValueError(
                    f'rule={self.rule!r} needs all five keypoints; the '
                    f'visible keypoints are {np.flatnonzero(visible).tolist()}.'
                )
        height, width = results['img_shape']
        return box_from_keypoints(self.rule, keypoints, (width, height), **self.options)


@TRANSFORMS.register_module()
class FlipFace(RandomFlip):
    """Mirror a face and keep the bias of its labels on the same side.

    If all labels of a dataset are slightly too far to the right, the labels of
    mirrored faces are too far to the left, and a network learns the mean of both.
    This transform moves the labels and the box of a mirrored face to the right by
    twice the bias, so that all labels have the same bias. It comes after the choice
    of the box. ``tools/analysis_tools/mirror_bias.py`` measures the bias.

    Required keys: those of MMPose's ``RandomFlip``, ``bbox_center`` (1, 2)
    and ``bbox_scale`` (1, 2). Modified: ``img``, ``keypoints``,
    ``keypoints_visible``, ``bbox``, ``bbox_center``.

    Args:
        prob (float): Probability of mirroring. Defaults to 0.5.
        label_bias (float): Bias of the labels to the right, as a fraction of the
            side of the box, from -0.1 to 0.1. Defaults to 0, which is MMPose's
            ``RandomFlip``.

    Raises:
        ValueError: If ``label_bias`` is not in that range.
    """

    def __init__(self, prob: float = 0.5, label_bias: float = 0.0) -> None:
        super().__init__(prob)
        if not abs(label_bias) <= 0.1:
            raise ValueError(
                f'label_bias={label_bias}; give a part of the side of the '
                'box, from -0.1 to 0.1.'
            )
        self.label_bias = label_bias

    def transform(self, results: dict) -> dict:
        """Mirror one sample with the given probability."""
        results = super().transform(results)
        if results['flip']:
            move = 2 * self.label_bias * results['bbox_scale'][0, 0]
            for key in ('keypoints', 'bbox_center', 'bbox'):
                if results.get(key) is not None:
                    results[key][..., ::2] += move
        return results


@TRANSFORMS.register_module()
class UniformJitter(BaseTransform):
    """Move, scale and rotate the crop by uniformly drawn amounts.

    MMPose's ``RandomBBoxTransform`` draws from truncated normals instead.

    Required keys: ``bbox_center`` (1, 2), ``bbox_scale`` (1, 2). Modified:
    both. Added: ``bbox_rotation`` (1,) in degrees.

    Args:
        shift (float): Largest shift along each axis, as a fraction of the side of
            the box. Defaults to 0.1.
        scale (float): Largest relative change of the side. Defaults to 0.1.
        rotation (float): Largest rotation in degrees. Defaults to 40.

    Raises:
        ValueError: If a value is negative, or ``scale`` is 1 or more.
    """

    def __init__(
        self, shift: float = 0.1, scale: float = 0.1, rotation: float = 40.0
    ) -> None:
        if min(shift, scale, rotation) < 0 or scale >= 1:
            raise ValueError(
                f'shift={shift}, scale={scale}, rotation={rotation}; give '
                'values of 0 or more, and a scale below 1.'
            )
        self.shift = shift
        self.scale = scale
        self.rotation = rotation

    def transform(self, results: dict) -> dict:
        """Jitter the box of one sample."""
        dx, dy, zoom, turn = np.random.uniform(-1, 1, 4).astype(np.float32)
        side = results['bbox_scale']
        results['bbox_center'] = results['bbox_center'] + side * self.shift * np.stack(
            (dx, dy)
        )
        results['bbox_scale'] = side * (1 + self.scale * zoom)
        results['bbox_rotation'] = np.array([self.rotation * turn])
        return results


@TRANSFORMS.register_module()
class CropFace(TopdownAffine):
    """Warp the face box to the network's input, averaging over area.

    MMPose's ``TopdownAffine`` reads one bilinear sample per pixel, which skips
    pixels of a large face. This transform warps to a grid n times finer, where n is
    the reduction rounded up, and averages each n x n block. Keys and geometry are
    those of ``TopdownAffine``; pixels outside the image are black.

    Args:
        input_size (tuple): Width and height of the crop in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__(input_size=tuple(input_size))

    def transform(self, results: dict) -> dict:
        """Crop one sample."""
        width, height = self.input_size
        scale = self._fix_aspect_ratio(results['bbox_scale'], width / height)
        n = oversampling(scale[0, 0], width)
        image = results['img']
        results['img'] = image[:1, :1]  # not warped by the base class
        results = super().transform(results)

        matrix = get_warp_matrix(
            results['input_center'],
            results['input_scale'],
            float(results.get('bbox_rotation', [0.0])[0]),
            output_size=self.input_size,
        )
        results['img'] = warp(image, matrix, self.input_size, n)
        return results


@TRANSFORMS.register_module()
class CropKeypoints(TopdownAffine):
    """Compute the keypoints in the crop without an image.

    This is for models whose only input is keypoints. Keys and geometry are those of
    ``rcn_mmpose.CropFace``, except ``img``, which does not change.

    Args:
        input_size (tuple): Width and height of the crop in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__(input_size=tuple(input_size))

    def transform(self, results: dict) -> dict:
        """Move the keypoints of one sample."""
        stand_in = dict(results, img=np.zeros((1, 1), np.uint8))
        cropped = super().transform(stand_in)
        del cropped['img']
        return {**results, **cropped}
