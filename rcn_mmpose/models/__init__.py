"""Networks: backbones, necks, heads, losses, estimators, data preprocessors."""

from .backbones import *  # noqa: F403
from .data_preprocessors import *  # noqa: F403
from .heads import *  # noqa: F403
from .losses import *  # noqa: F403
from .necks import *  # noqa: F403
from .pose_estimators import *  # noqa: F403
from .refiners import *  # noqa: F403
