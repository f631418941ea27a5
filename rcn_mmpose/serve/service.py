"""What the page asks for: keypoints of one image, and their drawing."""

from __future__ import annotations

import base64
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..image.drawing import draw_keypoints
from ..io.predictions import PredictionFile
from ..io.result import SourceImage
from .upload import KINDS, MOST_BYTES, decode

if TYPE_CHECKING:
    from ..inference import Predictor, Result

# Longer side of the drawing, in pixels: dots of a small image stay round,
# and a large one does not travel back whole.
SHOWN = 800, 1600
NO_FACE = (
    'No face was found. The detector finds upright faces seen from the front; '
    'for others give boxes to rcn-mmpose predict --boxes.'
)


class Service:
    """Answers one image at a time.

    Args:
        predictor (Predictor): With a detector.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        # one cascade, one session, and memory for one large image
        self.lock = Lock()

    def describe(self) -> dict[str, Any]:
        """Say what the page has to know of the model and of the limits."""
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
            content (bytes): Of its file.
            name (str): By which it appears in the answer. Defaults to ''.
            ellipses (bool): Whether to draw where 90 % of the probability
                lies, too. Defaults to False.

        Returns:
            dict: ``coco`` and ``csv``, what ``rcn-mmpose predict`` writes;
            ``drawn``, a JPEG as a data URL; ``seconds``, from image to
            keypoints.

        Raises:
            Refusal: If it is no image, see :func:`~.upload.decode`.
        """
        with self.lock:
            image = decode(content)
            # in a list a face that fails costs no other
            result = self.predictor([image])
            drawn = _draw(image, result, ellipses)
        size = result.images[0].size
        result = replace(result, images=(SourceImage(name, size),))
        file = PredictionFile('keypoints.csv')  # it is not written
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
    """Draw the faces at a size for the screen, as JPEG."""
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

    def place(points: np.ndarray) -> np.ndarray:  # the pixel's centre is whole
        return (points + 0.5) * scale - 0.5

    drawn = draw_keypoints(
        image,
        place(result.keypoints[rows]),
        result.confidence[rows],
        place(result.boxes[rows]),
        result.covariance[rows] * scale**2 if ellipses else None,
    )
    return cv2.imencode('.jpg', drawn)[1].tobytes()
