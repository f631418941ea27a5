"""Transforms that change labels.

``CorruptKeypoints`` makes the input of a denoiser (paper, section 4).
``WithholdLabels`` trains as if only a part of the faces had labels.
"""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import KEYPOINT_CODECS

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class CorruptKeypoints(BaseTransform):
    """Draw keypoints as one-hot maps, some of them at random cells.

    ``count`` labelled keypoints move to cells drawn uniformly from the whole map
    (paper, section 5.2). Only the moved keypoints count in the loss and in errors:
    ``keypoints_visible`` becomes 0 for all others. Unlabelled keypoints move too,
    but never count. A keypoint outside the crop is drawn at the border, where the
    nearest prediction of a network can be.

    This transform comes before ``GenerateTarget``.

    Required keys: ``transformed_keypoints`` (1, K, 2),
    ``keypoints_visible`` (1, K), and ``id`` if there is a seed. Added:
    ``img`` (H, W, K) uint8, the maps. Modified: ``keypoints_visible``.

    Args:
        encoder (dict): Config of the ``rcn_mmpose.CellIndex`` that
            ``GenerateTarget`` uses.
        count (int): Keypoints to move. Defaults to 35, as in the paper for 68.
        seed (int, optional): Seed that makes the draws of a face the same every
            time, for tests. Defaults to None, for training.

    Raises:
        ValueError: If ``count`` is not one of 1 to K, or a sample has no
            keypoints.
    """

    def __init__(self, encoder: dict, count: int = 35, seed: int | None = None) -> None:
        codec = KEYPOINT_CODECS.build(dict(encoder, target='one'))
        self.encode = codec.encode
        self.size = codec.heatmap_size
        self.count = count
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Corrupt one face."""
        if results.get('keypoints') is None:
            raise ValueError(
                'CorruptKeypoints needs true keypoints, but this sample has no '
                'keypoints. To predict keypoints in images with a denoiser, use '
                'rcn_mmpose.JointEstimator.'
            )
        keypoints = results['transformed_keypoints']
        number = keypoints.shape[1]
        if not 1 <= self.count <= number:
            raise ValueError(
                f'count={self.count} of {number} keypoints; give 1 to '
                f'{number}, about half in the paper.'
            )
        labelled = results['keypoints_visible']
        labelled = labelled.reshape(1, number, -1)[..., 0] > 0
        cells = self.encode(keypoints, labelled)['keypoint_cells'][0, :, 0]

        random: Any = np.random
        if self.seed is not None:
            random = np.random.RandomState((self.seed, results['id']))
        known = np.flatnonzero(labelled[0])
        moved = random.choice(known, min(self.count, len(known)), replace=False)
        width, height = self.size
        anywhere = random.randint(0, width * height, number)
        unknown = ~labelled[0]
        unknown[moved] = True
        cells = np.where(unknown, anywhere, cells)

        maps = np.zeros((height * width, number), np.uint8)
        maps[cells, np.arange(number)] = 1
        results['img'] = maps.reshape(height, width, number)
        visible = np.zeros((1, number), np.float32)
        visible[0, moved] = 1
        results['keypoints_visible'] = visible
        return results


@TRANSFORMS.register_module()
class WithholdLabels(BaseTransform):
    """Hide the keypoints of all faces except an even selection.

    The faces stay in the dataset. Their keypoints get visibility 0, which excludes
    them from the loss. The selection depends only on the index of a face: with 0.05
    every 20th face keeps its labels. This transform comes after the crop and before
    ``GenerateTarget``.

    Required keys: ``sample_idx``, ``keypoints_visible``. Modified:
    ``keypoints_visible``.

    Args:
        kept (float): Part of the faces that keep their labels, in (0, 1].

    Raises:
        ValueError: If ``kept`` is outside this range.
    """

    def __init__(self, kept: float) -> None:
        if not 0 < kept <= 1:
            raise ValueError(f'kept={kept}; give a part of 1, above 0.')
        self.kept = kept

    def transform(self, results: dict) -> dict:
        """Hide the keypoints of one sample, or not."""
        # The number of labelled faces with this face, and before it.
        place = results['sample_idx']
        upto, before = (int(round(n * self.kept, 6)) for n in (place + 1, place))
        if upto == before:
            visible = results['keypoints_visible']
            results['keypoints_visible'] = visible * 0
        return results
