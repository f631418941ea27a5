"""Predict the keypoints of an uploaded image and draw them for the page."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..geometry.keypoints import known_lines
from ..image.drawing import draw_keypoints
from ..io.output import Failure, PredictionFile, SourceImage
from .drawn_faces import training_boxes, with_boxes
from .query import MOST_BOXES
from .upload import FORMATS, MOST_BYTES, Refusal, decode

if TYPE_CHECKING:
    from ..inference import Predictor, Result

# Smallest and largest longer side of the drawing, in pixels. A small image is
# enlarged, so that the dots look round. A large image is reduced, so that the
# answer stays small.
SHOWN = 800, 1600
NO_FACE = 'No face was found. Draw a box around the face.'
NO_BOX = 'The search for faces is off. Draw a box around a face.'


class Service:
    """Predicts for one image at a time.

    Args:
        predictor (Predictor | Mapping[str, Predictor]): A predictor with a
            detector, or several by their names on the page. The first is the
            default. All stay in memory, and a request can name no other.
    """

    def __init__(self, predictor: Predictor | Mapping[str, Predictor]) -> None:
        if not isinstance(predictor, Mapping):
            predictor = {predictor.info.name: predictor}
        self.predictors = dict(predictor)
        self.default = next(iter(self.predictors))
        # Requests share the detectors and the models, and memory is limited to
        # one large image.
        self.lock = Lock()

    @property
    def predictor(self) -> Predictor:
        """The predictor that a request without a model uses."""
        return self.predictors[self.default]

    def describe(self) -> dict[str, Any]:
        """Return the facts on the models and the limits that the page shows.

        Returns:
            dict: ``model``, ``keypoints``, ``radius``, ``side`` and ``licence`` of
            the default model; ``models``, a list of the same facts of all models;
            ``formats``, ``kinds`` (media types) and ``endings`` of the accepted
            images; ``most_bytes``; ``most_boxes``.
        """
        models = [
            dict(
                model=name,
                keypoints=len(predictor.info.keypoints),
                radius=predictor.info.radius,
                side=predictor.info.input_size[0],
                licence=predictor.info.licence,
            )
            for name, predictor in self.predictors.items()
        ]
        return dict(
            **models[0],
            models=models,
            formats=[known.name for known in FORMATS],
            kinds=[known.kind for known in FORMATS],
            endings=[ending for known in FORMATS for ending in known.endings],
            most_bytes=MOST_BYTES,
            most_boxes=MOST_BOXES,
        )

    def answer(
        self,
        content: bytes,
        name: str = '',
        ellipses: bool = False,
        model: str = '',
        boxes: Sequence[Sequence[float]] = (),
        faces: Sequence[Sequence[float]] = (),
        detect: bool = True,
    ) -> dict[str, Any]:
        """Find the keypoints of an image.

        Args:
            content (bytes): The content of the image file.
            name (str): Name of the image in the answer. Defaults to ''.
            ellipses (bool): Whether to draw ellipses that contain 90 % of the
                probability, too. Defaults to False.
            model (str): Name of the model. Defaults to the first one.
            boxes (Sequence): Boxes for the predictor, (x1, y1, x2, y2) in pixels,
                with an area. They replace detected boxes of the same face.
            faces (Sequence): Boxes around faces, from the eyebrows to the chin and
                from ear to ear, which become such boxes.
            detect (bool): Whether to detect faces, too. Defaults to True.

        Returns:
            dict: ``coco`` and ``csv``, as ``rcn-mmpose predict`` writes them;
            ``drawn``, the drawing as a data URL of a JPEG; ``seconds``, the time
            from the decoded image to the keypoints.

        Raises:
            Refusal: If the model is unknown, or the content is not a valid image,
                see :func:`rcn_mmpose.serve.upload.decode`.
        """
        predictor = self.predictors.get(model or self.default)
        if predictor is None:
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f'The model {model!r:.100} is not served; give one of '
                f'{", ".join(self.predictors)}.',
            )
        given = [*boxes]
        if faces:
            given += [*training_boxes(np.array(faces, np.float64), predictor)]
        known = np.reshape(np.array(given, np.float64), (-1, 4))
        with self.lock:
            image = decode(content)
            # For a list, a face that fails is recorded in the result. For a
            # single image, it would raise an error.
            if not detect:
                result = predictor([image], [known])
            elif len(known):
                result = with_boxes(predictor, known)([image])
            else:
                result = predictor([image])
            picture = _draw(image, result, ellipses)
        size = result.images[0].size
        result = replace(result, images=(SourceImage(name, size),))
        if not len(result) and not result.failures:
            failure = Failure(0, None, NO_FACE if detect else NO_BOX)
            result = replace(result, failures=(failure,))
        return dict(
            coco=json.loads(_written(result, 'json')),
            csv=_written(result, 'csv'),
            drawn='data:image/jpeg;base64,' + base64.b64encode(picture).decode(),
            seconds=result.timing['total'],
        )


def _written(result: Result, kind: str) -> str:
    """Return what ``rcn-mmpose predict`` writes, json or csv."""
    text = io.StringIO()
    file = PredictionFile(f'keypoints.{kind}', stream=text)
    file.add(result)
    file.close()
    return text.getvalue()


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
        lines=known_lines(result.names),
        # As the column ``face`` of the csv.
        numbers=range(int(rows.sum())) if rows.sum() > 1 else None,
    )
    return cv2.imencode('.jpg', drawn)[1].tobytes()
