"""Names of shipped models in MMPose's inferencers."""

from __future__ import annotations

from functools import wraps
from typing import Any

from mmengine.config import Config
from mmengine.infer import BaseInferencer

from .catalogue import model_files, shipped_models


def add_names() -> None:
    """Let ``MMPoseInferencer(pose2d='rcn-5')`` find what ships with us.

    MMEngine looks for a name in the model index of the inferencer's scope
    alone, which is MMPose's, and takes its weights as a URL. Names that we
    ship are answered from our folder, all others as before. A second call
    does nothing.
    """
    original = BaseInferencer._load_model_from_metafile
    if getattr(original, 'knows_rcn_mmpose', False):
        return

    @wraps(original)
    def load(self: BaseInferencer, model: str) -> tuple[Config, Any]:
        if self.scope == 'mmpose' and model in shipped_models():
            config, checkpoint = model_files(model)
            return Config.fromfile(config), checkpoint
        return original(self, model)

    load.knows_rcn_mmpose = True
    BaseInferencer._load_model_from_metafile = load
