"""The confidence below which a tracked face is lost, for each model.

The threshold refuses 95 % of the crops beside a face or turned by 90 degrees and
more, by validation faces. ``python -m rcn_mmpose.lab.calibration.lost_threshold``
measures it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geometry.keypoints import FIVE_NAMES, NAMES_68

if TYPE_CHECKING:
    from ..inference import ModelInfo

BY_MODEL = {'rcn-5': 0.8, 'rcn-5-synthetic': 0.65, 'rcn-68': 0.6, 'rcn-68-joint': 0.75}
BY_KEYPOINTS = {FIVE_NAMES: 0.8, NAMES_68: 0.6}
OTHERS = 0.5


def threshold_of(info: ModelInfo) -> float:
    """Return the threshold of a model, in [0, 1].

    That of the description comes first, then that of a shipped model by its name,
    then that of the usual model of these keypoints; others have 0.5.

    Args:
        info (ModelInfo): Description of the model.
    """
    if info.lost is not None:
        return float(info.lost)
    usual = BY_KEYPOINTS.get(tuple(info.keypoints), OTHERS)
    return BY_MODEL.get(info.name, usual)
