"""From a face's box or keypoints to the square that is cropped."""

import numpy as np
from mmcv.transforms import BaseTransform

from ... import boxes
from ...registry import TRANSFORMS

# rule -> its options
RULES = {
    'given': (),
    'detection': ('scale', 'shift'),
    'eyes_and_mouth': ('margin',),
    'extent': ('scale',),
}


@TRANSFORMS.register_module()
class FaceBox(BaseTransform):
    """Choose the square of the picture that the network sees.

    Required keys: ``bbox`` (1, 4), for the keypoint rules ``keypoints``
    (1, K, 2) and ``img_shape``. Added keys: ``bbox_center`` (1, 2) and
    ``bbox_scale`` (1, 2), the square's width and height in pixels.

    Args:
        rule (str): ``'given'``: the box as it is, which is what our
            annotation files hold (a box that is no square grows to one);
            ``'detection'``: :func:`rcn_mmpose.boxes.box_from_detection`;
            ``'eyes_and_mouth'``: :func:`~.box_from_eyes_and_mouth`;
            ``'extent'``: :func:`~.box_from_extent`.
        **options: Arguments of that function, such as ``scale``.

    Raises:
        ValueError: If the rule or an option is unknown, or finds no box.
    """

    def __init__(self, rule: str = 'given', **options: float) -> None:
        if rule not in RULES:
            raise ValueError(f'rule={rule!r}; choose one of {tuple(RULES)}.')
        unknown = sorted(set(options) - set(RULES[rule]))
        if unknown:
            raise ValueError(
                f'rule={rule!r} takes the options {RULES[rule]}, not '
                f'{unknown}.'
            )
        self.rule = rule
        self.options = options

    def transform(self, results: dict) -> dict:
        """Set the box of one sample."""
        try:
            box = self._box(results)
        except ValueError as error:
            raise ValueError(
                f'face in {results.get("img_path")!r}: {error}'
            ) from error
        centre = (box[:2] + box[2:]) / 2
        side = (box[2:] - box[:2]).max()
        results['bbox_center'] = centre[None].astype(np.float32)
        results['bbox_scale'] = np.full((1, 2), side, np.float32)
        return results

    def _box(self, results: dict) -> np.ndarray:
        """Apply the rule, (4,)."""
        if self.rule == 'given':
            box = results['bbox'][0]
            if not (box[2:] > box[:2]).all():
                raise ValueError(f'box {box.tolist()} is empty.')
            return box
        if self.rule == 'detection':
            return boxes.box_from_detection(results['bbox'][0], **self.options)
        if results.get('keypoints') is None:
            raise ValueError(
                f'rule={self.rule!r} needs true keypoints, and this sample '
                "has none; use rule='detection' for a detector's box."
            )
        keypoints = results['keypoints'][0]
        visible = results.get('keypoints_visible')
        if visible is not None:  # (1, K) or (1, K, 2)
            visible = visible[0].reshape(len(keypoints), -1)[:, 0] > 0
            if self.rule == 'extent':
                keypoints = keypoints[visible]
            elif not visible.all():
                raise ValueError(
                    f'rule={self.rule!r} needs all five keypoints; those '
                    f'visible are {np.flatnonzero(visible).tolist()}.'
                )
        if self.rule == 'extent':
            return boxes.box_from_extent(keypoints, **self.options)
        height, width = results['img_shape']
        return boxes.box_from_eyes_and_mouth(
            keypoints, (width, height), **self.options
        )
