"""Register the names of shipped models with MMPose's inferencers."""

from __future__ import annotations

from functools import wraps
from typing import Any

from mmengine.config import Config
from mmengine.infer import BaseInferencer

from .catalogue import model_files, shipped_models


def add_names() -> None:
    """Let ``MMPoseInferencer(pose2d='rcn-5')`` find the shipped models.

    MMEngine searches for a model name only in the model index of MMPose (the
    scope of the inferencer), and expects a URL of the weights. After this call,
    MMEngine finds the names of shipped models in the folder of this package.
    The search for other names does not change. A second call does nothing.
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

    setattr(load, 'knows_rcn_mmpose', True)  # noqa: B010 - a mark on a function
    BaseInferencer._load_model_from_metafile = load
