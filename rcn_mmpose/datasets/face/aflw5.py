"""AFLW-5: the 2,995 test faces that come with MTFL (paper, section 5)."""

from ...registry import DATASETS
from .mtfl import POSES, MTFLDataset, five_point_metainfo


@DATASETS.register_module()
class AFLW5Dataset(MTFLDataset):
    """The paper's AFLW test: 5 keypoints, not MMPose's 19-point AFLW.

    The keypoints are those of :class:`MTFLDataset`. Four faces are upside
    down and keep the order of an upright face.
    """

    METAINFO = dict(five_point_metainfo('aflw5'), face_subsets=POSES)
