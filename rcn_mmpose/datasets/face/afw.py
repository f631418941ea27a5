"""AFW: test faces with 5 keypoints (paper, section 5)."""

from __future__ import annotations

from ...registry import DATASETS
from .mtfl import MTFLDataset, five_point_metainfo


@DATASETS.register_module()
class AFWDataset(MTFLDataset):
    """The paper's AFW test: 377 faces with the keypoints of MTFL."""

    METAINFO = five_point_metainfo('afw')
    PREPARE = 'python tools/dataset_converters/afw2coco.py data/afw'
