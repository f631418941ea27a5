"""A face detector of MMDetection, from the user's config and checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from ..environment.processes import registries, spare_lost_threads
from ..geometry.boxes import box_from_detection


class MMDetDetector:
    """Find faces with any detector of MMDetection 3.x that returns boxes.

    The detector is built at the first image. Deformable DETR runs with
    ``mmcv-lite``. Detectors that use MMCV's compiled operators need the full
    ``mmcv`` and raise an error without it: non-maximum suppression as in SSD,
    Faster and Mask R-CNN, and deformable convolutions. R-FCN is not part of
    MMDetection 3.

    Threads may share a detector; their calls run one after the other. A copy and a
    pickle hold the paths and build the detector again. A forked process computes in
    one thread of PyTorch.

    Args:
        config (str): Config file of the detector.
        checkpoint (str): Its weights.
        label (int): Index of the class "face". Defaults to 0.
        score (float): Threshold of the score, in [0, 1]. Defaults to 0.5.
        correction (Mapping, optional): ``scale`` and ``shift`` of
            :func:`rcn_mmpose.geometry.boxes.box_from_detection`, which turn
            the boxes into boxes like the boxes of the training faces. Measure
            them with ``python -m
            rcn_mmpose.lab.calibration.detector_boxes``. By default the boxes
            are not corrected; load the model with
            ``box_rule=dict(rule='detection', ...)`` then.
        device (str): Where the detector runs. Defaults to ``'cpu'``.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the score is out of range, or ``correction`` has other
            entries.
    """

    def __init__(
        self,
        config: str | os.PathLike,
        checkpoint: str | os.PathLike,
        label: int = 0,
        score: float = 0.5,
        correction: Mapping[str, float] | None = None,
        device: str = 'cpu',
    ) -> None:
        for path in (config, checkpoint):
            if not os.path.isfile(path):
                raise FileNotFoundError(
                    f"{os.fspath(path)!r} does not exist; give the detector's "
                    'config and its checkpoint.'
                )
        if not 0 <= score <= 1:
            raise ValueError(f'score={score}; give a number from 0 to 1.')
        if correction is not None and set(correction) != {'scale', 'shift'}:
            raise ValueError(f'correction={dict(correction)}; give scale and shift.')
        self.config = os.path.abspath(config)
        self.checkpoint = os.path.abspath(checkpoint)
        self.label = label
        self.score = score
        self.correction = correction
        self.device = device
        self._model: Any = None
        self._scope = 'mmdet'

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Find the faces of an image.

        Args:
            image (np.ndarray): uint8, (H, W) grey or (H, W, 3) BGR.

        Returns:
            np.ndarray: Boxes (x1, y1, x2, y2) in pixels, the highest score first,
            float64 (N, 4).

        Raises:
            ImportError: If MMDetection cannot be imported.
        """
        if image.ndim == 2 or image.shape[2] == 1:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        spare_lost_threads()
        # MMDetection looks up the transforms of its pipeline at every call.
        with registries():
            found = self._detect(image).cpu().numpy()
        kept = (found.labels == self.label) & (found.scores >= self.score)
        # Some heads clip boxes to the image until no area is left.
        kept &= (found.bboxes[:, 2:] > found.bboxes[:, :2]).all(1)
        order = np.argsort(-found.scores[kept], kind='stable')
        boxes = found.bboxes[kept][order].astype(np.float64)
        if self.correction and len(boxes):
            boxes = np.array(
                [box_from_detection(box, **self.correction) for box in boxes]
            )
        return boxes.reshape(-1, 4)

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self), _model=None)

    def _detect(self, image: np.ndarray) -> Any:
        """Return all detections in an image, uint8 (H, W, 3)."""
        if self._model is None:
            self._build()
        from mmdet.apis import inference_detector
        from mmengine.registry import DefaultScope

        with DefaultScope.overwrite_default_scope(self._scope):
            return inference_detector(self._model, image).pred_instances

    def _build(self) -> None:
        """Build the detector in its own registry scope; MMPose keeps its scope."""
        from .. import compat

        compat.activate()
        try:
            from mmdet.apis import init_detector
        except ImportError as error:
            raise ImportError(
                f'MMDetection cannot be imported ({error}); `python -m '
                'rcn_mmpose doctor` reports more.'
            ) from error
        from mmengine.config import Config
        from mmengine.registry import DefaultScope

        config = Config.fromfile(self.config)
        self._scope = config.get('default_scope', 'mmdet')
        with DefaultScope.overwrite_default_scope(self._scope):
            self._model = init_detector(config, self.checkpoint, device=self.device)
        # Prediction of MMDetection 3.3.0 reads loss_cls, which SSD lacks.
        head = getattr(self._model, 'bbox_head', None)
        if head is not None and not hasattr(head, 'loss_cls'):
            head.loss_cls = None
