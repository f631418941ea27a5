"""MMPose's own 300W experiment, to compare with."""

from pathlib import Path

import mmpose
from mmengine.config import Config

HRNET = (
    'face_2d_keypoint/topdown_heatmap/300w/'
    'td-hm_hrnetv2-w18_8xb64-60e_300w-256x256.py'
)


def stock_config() -> Config:
    """Read the config of HRNetV2-W18 on 300W that comes with MMPose."""
    folder = Path(mmpose.__file__).parent / '.mim' / 'configs'
    return Config.fromfile(str(folder / HRNET))
