"""Keypoint models of other packages, if the packages are installed.

A model is called with an image (uint8 BGR) and a box (x1, y1, x2, y2). It
returns the 5 keypoints of MTFL or the 68 of 300W in pixels of the image,
(K, 2), or None if it finds no face.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Protocol

import numpy as np

from .measured_process import SkipError

# Margin around the box, as a share of its sides, for models that detect the
# face themselves.
MARGIN = 0.25
# Indices among MediaPipe's 478 points: centres of both irises, tip of the
# nose, corners of the mouth.
MESH_5 = (468, 473, 4, 61, 291)


class KeypointModel(Protocol):
    """The interface of the compared models.

    Attributes:
        points: Number of keypoints, 5 or 68.
    """

    points: int

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Predict the keypoints, (points, 2), or None if no face is found."""


class Dlib:
    """dlib's regression trees, 68 keypoints.

    The model file comes with face_recognition_models. It was trained on
    300-W, perhaps including the test faces.

    Args:
        detect (bool): Whether dlib's HOG detector detects the face; otherwise
            the given box is used.
    """

    points = 68

    def __init__(self, detect: bool) -> None:
        self.dlib = _installed('dlib', 'dlib')
        models = _installed('face_recognition_models', 'face-recognition-models')
        self.predictor = self.dlib.shape_predictor(
            models.pose_predictor_model_location()
        )
        self.detector = self.dlib.get_frontal_face_detector() if detect else None

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Predict 68 keypoints."""
        place, corner = box, np.zeros(2)
        if self.detector is not None:
            image, corner = around(image, box)
        image = np.ascontiguousarray(image[..., ::-1])
        if self.detector is not None:
            found = [
                np.array((f.left(), f.top(), f.right(), f.bottom()), float)
                for f in self.detector(image, 1)
            ]
            if not found:
                return None
            place = nearest(found, box - np.tile(corner, 2))
        rectangle = self.dlib.rectangle(*np.round(place).astype(int).tolist())
        shape = self.predictor(image, rectangle)
        points = [(shape.part(i).x, shape.part(i).y) for i in range(68)]
        return np.array(points, float) + corner


class MediaPipe:
    """MediaPipe's face mesh on single images, reduced to 5 keypoints."""

    points = 5

    def __init__(self) -> None:
        package = _installed('mediapipe', 'mediapipe')
        if not hasattr(package, 'solutions'):
            raise SkipError(
                'this mediapipe has no mp.solutions, and the models of its '
                'later API do not come with it; 0.10.21 is the last that does'
            )
        self.mesh = package.solutions.face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=True
        )

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Predict 5 keypoints."""
        part, corner = around(image, box)
        height, width = part.shape[:2]
        rgb = np.ascontiguousarray(part[..., ::-1])
        found = self.mesh.process(rgb).multi_face_landmarks
        if not found:
            return None
        points = [found[0].landmark[i] for i in MESH_5]
        # Shares of the image's sides, from the corner of the first pixel.
        places = np.array([(p.x * width, p.y * height) for p in points])
        return places - 0.5 + corner


class MTCNN:
    """MTCNN of facenet-pytorch: detector and 5 keypoints in one."""

    points = 5

    def __init__(self) -> None:
        package = _installed('facenet_pytorch', 'facenet-pytorch')
        self.network = package.MTCNN(keep_all=True, device='cpu')

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Predict 5 keypoints."""
        part, corner = around(image, box)
        rgb = np.ascontiguousarray(part[..., ::-1])
        boxes, _, points = self.network.detect(rgb, landmarks=True)
        if boxes is None:
            return None
        local = box - np.tile(corner, 2)
        index = int(np.argmin([_distance(b, local) for b in boxes]))
        return np.asarray(points[index], float) + corner


def around(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Crop a box with a margin, clipped to the image.

    Returns:
        tuple: The crop, and the position (x, y) of its first pixel.
    """
    height, width = image.shape[:2]
    margin = MARGIN * (box[2:] - box[:2])
    low = np.floor(np.clip(box[:2] - margin, 0, (width, height))).astype(int)
    high = np.ceil(np.clip(box[2:] + margin, 0, (width, height))).astype(int)
    return image[low[1] : high[1], low[0] : high[0]], low.astype(float)


def nearest(boxes: list[np.ndarray], box: np.ndarray) -> np.ndarray:
    """Return the box whose centre is nearest to the centre of another box."""
    return min(boxes, key=lambda other: _distance(other, box))


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return twice the distance between the centres of two boxes."""
    return float(np.linalg.norm(a[:2] + a[2:] - b[:2] - b[2:]))


def _installed(module: str, package: str) -> ModuleType:
    """Import a module.

    Raises:
        SkipError: If the import fails.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SkipError(f'{package} cannot be imported: {error}') from error
