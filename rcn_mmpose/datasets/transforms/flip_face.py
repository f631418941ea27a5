"""Mirrored faces whose labels lie to one side."""

from mmpose.datasets.transforms import RandomFlip

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class FlipFace(RandomFlip):
    """Mirror a face, and keep its labels on the side where they lie.

    If all labels of a set lie a little to the right of what they mean, those
    of mirrored faces lie to the left, and a network learns what is between.
    Here a mirrored face's labels, and its box with them, are moved to the
    right by twice that much, so that they lie as the others do. Stands after
    the box is chosen. ``tools/mirror_bias.py`` measures the bias.

    Required keys: those of MMPose's ``RandomFlip``, ``bbox_center`` (1, 2)
    and ``bbox_scale`` (1, 2). Modified: ``img``, ``keypoints``,
    ``keypoints_visible``, ``bbox``, ``bbox_center``.

    Args:
        prob (float): Of mirroring. Defaults to 0.5.
        label_bias (float): How far labels lie to the right, as a part of the
            box's side, from -0.1 to 0.1. Defaults to 0, which is MMPose's
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
        """Mirror one sample, or leave it."""
        results = super().transform(results)
        if results['flip']:
            move = 2 * self.label_bias * results['bbox_scale'][0, 0]
            for key in ('keypoints', 'bbox_center', 'bbox'):
                if results.get(key) is not None:
                    results[key][..., ::2] += move
        return results
