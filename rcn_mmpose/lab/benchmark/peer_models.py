"""Other packages that find keypoints, where they are installed.

Each is called with an image (uint8 BGR) and a box (x1, y1, x2, y2) and
returns the 5 points of MTFL or 68 of 300W in pixels of the image, (K, 2),
or None if it finds no face.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Protocol

import numpy as np

from .arm import SkipError

# Around the box, in its sides, for those that look for the face themselves.
MARGIN = 0.25
# Of MediaPipe's 478 points: centres of both irises, tip of the nose, corners
# of the mouth.
MESH_5 = (468, 473, 4, 61, 291)


class Peer(Protocol):
    """What they have in common.

    Attributes:
        points: How many it finds, 5 or 68.
    """

    points: int

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Find the points."""


def five_of_68(points: np.ndarray) -> np.ndarray:
    """Reduce 68 points to the 5 of MTFL: eyes, nose, corners of the mouth."""
    eyes = points[36:42].mean(0), points[42:48].mean(0)
    return np.stack((*eyes, points[30], points[48], points[54]))


class Dlib:
    """dlib's regression trees, 68 points.

    Their file comes with face_recognition_models; it was trained on 300-W,
    perhaps with its test faces.

    Args:
        detect (bool): Whether to look for the face by dlib's HOG detector,
            or take the box as it is.
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
        """Find 68 points."""
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
    """MediaPipe's face mesh, on single images; its points reduced to 5."""

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
        """Find 5 points."""
        part, corner = around(image, box)
        height, width = part.shape[:2]
        rgb = np.ascontiguousarray(part[..., ::-1])
        found = self.mesh.process(rgb).multi_face_landmarks
        if not found:
            return None
        points = [found[0].landmark[i] for i in MESH_5]
        # from the corner of the first pixel, in sides of the image
        places = np.array([(p.x * width, p.y * height) for p in points])
        return places - 0.5 + corner


class MTCNN:
    """MTCNN of facenet-pytorch: detector and 5 points in one."""

    points = 5

    def __init__(self) -> None:
        package = _installed('facenet_pytorch', 'facenet-pytorch')
        self.network = package.MTCNN(keep_all=True, device='cpu')

    def __call__(self, image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Find 5 points."""
        part, corner = around(image, box)
        rgb = np.ascontiguousarray(part[..., ::-1])
        boxes, _, points = self.network.detect(rgb, landmarks=True)
        if boxes is None:
            return None
        local = box - np.tile(corner, 2)
        index = int(np.argmin([_distance(b, local) for b in boxes]))
        return np.asarray(points[index], float) + corner


def around(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut out a box with a margin.

    Returns:
        tuple: The part, and its first pixel (x, y).
    """
    height, width = image.shape[:2]
    margin = MARGIN * (box[2:] - box[:2])
    low = np.floor(np.clip(box[:2] - margin, 0, (width, height))).astype(int)
    high = np.ceil(np.clip(box[2:] + margin, 0, (width, height))).astype(int)
    return image[low[1] : high[1], low[0] : high[0]], low.astype(float)


def nearest(boxes: list[np.ndarray], box: np.ndarray) -> np.ndarray:
    """Return the box whose centre is nearest to that of another."""
    return min(boxes, key=lambda other: _distance(other, box))


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the distance of two boxes' centres, doubled."""
    return float(np.linalg.norm(a[:2] + a[2:] - b[:2] - b[2:]))


def _installed(module: str, package: str) -> ModuleType:
    """Import a module, or say why not."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SkipError(f'{package} cannot be imported: {error}') from error
