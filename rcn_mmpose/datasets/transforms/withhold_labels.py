"""Training as if only a part of the faces had labels."""

from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class WithholdLabels(BaseTransform):
    """Hide the keypoints of all faces but an even selection.

    The faces stay in the set; their keypoints get visibility 0, which leaves
    them out of the loss. Which ones keep theirs depends on their place in the
    set alone: with 0.05 every 20th. Comes after the crop and before
    ``GenerateTarget``.

    Required keys: ``sample_idx``, ``keypoints_visible``. Modified:
    ``keypoints_visible``.

    Args:
        kept (float): Part of the faces that keep their labels, in (0, 1].

    Raises:
        ValueError: If ``kept`` lies outside.
    """

    def __init__(self, kept: float) -> None:
        if not 0 < kept <= 1:
            raise ValueError(f'kept={kept}; give a part of 1, above 0.')
        self.kept = kept

    def transform(self, results: dict) -> dict:
        """Hide the keypoints of one sample, or not."""
        # how many of the faces up to and including this one, and before it
        place = results['sample_idx']
        upto, before = (
            int(round(n * self.kept, 6)) for n in (place + 1, place)
        )
        if upto == before:
            visible = results['keypoints_visible']
            results['keypoints_visible'] = visible * 0
        return results
