"""The crops that the network sees, for a caller who wants them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..environment.renamed import warn_renamed
from ..image.crop import crop_square
from ..image.reading import read_image

if TYPE_CHECKING:
    from ..io.output import Result


class SeenCrops:
    """Methods of :class:`~rcn_mmpose.inference.predictor.Predictor` about crops."""

    def predict(self: Any, images: Any, boxes: Any = None) -> Result:
        """Predict the keypoints of the faces in images, see :meth:`__call__`.

        An array of crops is still taken, with a DeprecationWarning, as in
        :meth:`predict_crops`: uint8 (N, height, width) of the model's input
        size, which cannot be an image.
        """
        if boxes is None and self._are_crops(images):
            warn_renamed('Predictor.predict(crops)', 'Predictor.predict_crops(crops)')
            return self.predict_crops(images)  # until 0.2
        return self(images, boxes)

    def crop(self: Any, image: Any, boxes: Any) -> np.ndarray:
        """Crop the faces of one image, as the network sees them.

        Args:
            image: A path or an image in memory, as in a call.
            boxes (np.ndarray | Detections): (x1, y1, x2, y2) in pixels, (N, 4).

        Returns:
            np.ndarray: Grey, uint8 (N, height, width).

        Raises:
            ValueError: If the image cannot be read, or a box is empty, not finite or
                outside the image.
        """
        from ..detect.detections import as_detections

        image, size, faces = read_image(image), self.info.input_size, []
        found = as_detections(boxes)
        for box, roll in zip(found.boxes, found.roll.tolist(), strict=True):
            centre, side = self.info.square(box)
            faces.append(crop_square(image, centre, side, size, roll))
        return np.stack(faces) if faces else np.zeros((0, *size), np.uint8)
