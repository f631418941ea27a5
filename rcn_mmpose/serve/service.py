"""Predict the keypoints of an uploaded image and draw them for the page."""

from __future__ import annotations

import base64
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..image.drawing import draw_keypoints
from ..io.output import PredictionFile, SourceImage
from .upload import KINDS, MOST_BYTES, decode

if TYPE_CHECKING:
    from ..inference import Predictor, Result

# Smallest and largest longer side of the drawing, in pixels. A small image is
# enlarged, so that the dots look round. A large image is reduced, so that the
# answer stays small.
SHOWN = 800, 1600
NO_FACE = (
    'No face was found. The detector finds upright frontal faces; for other '
    'faces give boxes with rcn-mmpose predict --boxes.'
)


class Service:
    """Predicts for one image at a time.

    Args:
        predictor (Predictor): A predictor with a detector.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        # Requests share the detector and the model, and memory is limited to
        # one large image.
        self.lock = Lock()

    def describe(self) -> dict[str, Any]:
        """Return the facts on the model and the limits that the page shows."""
        info = self.predictor.info
        return dict(
            model=info.name,
            keypoints=len(info.keypoints),
            radius=info.radius,
            side=info.input_size[0],
            kinds=list(KINDS),
            most_bytes=MOST_BYTES,
        )

    def answer(
        self, content: bytes, name: str = '', ellipses: bool = False
    ) -> dict[str, Any]:
        """Find the keypoints of an image.

        Args:
            content (bytes): The content of the image file.
            name (str): Name of the image in the answer. Defaults to ''.
            ellipses (bool): Whether to draw ellipses that contain 90 % of the
                probability, too. Defaults to False.

        Returns:
            dict: ``coco`` and ``csv``, as ``rcn-mmpose predict`` writes them;
            ``drawn``, the drawing as a data URL of a JPEG; ``seconds``, the time
            from the decoded image to the keypoints.

        Raises:
            Refusal: If the content is not a valid image, see
                :func:`rcn_mmpose.serve.upload.decode`.
        """
        with self.lock:
            image = decode(content)
            # For a list, a face that fails is recorded in the result. For a
            # single image, it would raise an error.
            result = self.predictor([image])
            drawn = _draw(image, result, ellipses)
        size = result.images[0].size
        result = replace(result, images=(SourceImage(name, size),))
        file = PredictionFile('keypoints.csv')  # never written to disk
        file.add(result)
        if not len(result) and not result.failures:
            file.fail(name, NO_FACE)
        return dict(
            coco=file.content,
            csv=file.csv_text(),
            drawn='data:image/jpeg;base64,' + base64.b64encode(drawn).decode(),
            seconds=result.timing['total'],
        )


def _draw(image: np.ndarray, result: Result, ellipses: bool) -> bytes:
    """Return a drawing of the faces in screen size, as JPEG."""
    height, width = image.shape[:2]
    low, high = (side / max(height, width) for side in SHOWN)
    scale = min(max(1.0, low), high)
    if scale != 1:
        image = cv2.resize(
            image,
            (max(1, round(width * scale)), max(1, round(height * scale))),
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
        )
    rows = result.found

    def place(points: np.ndarray) -> np.ndarray:  # pixel centres are whole numbers
        return (points + 0.5) * scale - 0.5

    drawn = draw_keypoints(
        image,
        place(result.keypoints[rows]),
        result.confidence[rows],
        place(result.boxes[rows]),
        result.covariance[rows] * scale**2 if ellipses else None,
    )
    return cv2.imencode('.jpg', drawn)[1].tobytes()
