"""Clips of faces that move in a known way, with the true keypoints of each frame.

A still image with known keypoints is moved by a similarity (shift, rotation,
zoom), so the truth of each frame is exact. Stills are rendered faces, or real
faces of an annotation file. Clips for choosing options and clips for reporting
have different faces and different motions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ...geometry.keypoints import five_from_68
from ...image.reading import read_image
from ...io.annotations import read_annotations
from ...synthetic.face_set import seed_of
from ...synthetic.parameters import Expression
from ...synthetic.render import render_face

SIZE, RATE = 480, 30.0  # pixels a side; frames per second
EYES = 64.0  # eye distance of a face at zoom 1, in pixels
SEEDS = dict(choose=2201, report=2202)
SPLIT = 'val'
PERIOD = 15  # frames of one change of the expression: 2 Hz


class Still(NamedTuple):
    """A still image of a face.

    Attributes:
        image: BGR, uint8 (H, W, 3).
        keypoints: float64 (K, 2), K is 68 or 5.
    """

    image: np.ndarray
    keypoints: np.ndarray

    @property
    def five(self) -> np.ndarray:
        """The five keypoints of MTFL, (5, 2)."""
        points = self.keypoints
        return five_from_68(points) if len(points) == 68 else points


class Pose(NamedTuple):
    """Place of a face in a frame: centre in pixels, zoom, roll in degrees."""

    x: float
    y: float
    zoom: float = 1.0
    roll: float = 0.0


@dataclass(frozen=True)
class Clip:
    """A clip of one or two moving faces.

    Attributes:
        kind: Kind of the motion.
        stills: One still for each face; the last one is in front. The stills of
            one face may change from frame to frame: then the list repeats.
        poses: The pose of each face in each frame; None where the face is not
            there. (faces, frames)
        noise: Standard deviation of the noise of each frame, in grey levels.
        seed: Seed of the noise.
    """

    kind: str
    stills: list[list[Still]]
    poses: list[list[Pose | None]]
    noise: float = 2.0
    seed: int = 0

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.poses[0])

    def matrix(self, face: int, frame: int) -> np.ndarray | None:
        """Return the map from a still to a frame, (2, 3), or None."""
        pose, still = self.poses[face][frame], self.stills[face][0]
        return None if pose is None else _matrix(still, pose)

    def still(self, face: int, frame: int) -> Still:
        """Return the still of a face in a frame."""
        stills = self.stills[face]
        return stills[frame % len(stills)]

    def truth(self, face: int, frame: int) -> np.ndarray | None:
        """Return the true keypoints of a face in a frame, (K, 2), or None."""
        matrix = self.matrix(face, frame)
        if matrix is None:
            return None
        return self.still(face, frame).keypoints @ matrix[:, :2].T + matrix[:, 2]

    def hidden(self, face: int, frame: int) -> bool:
        """Whether another face is in front of more than a tenth of this face."""
        here = self.truth(face, frame)
        for other in range(face + 1, len(self.stills)):
            there = self.truth(other, frame)
            if here is not None and there is not None:
                gap = np.linalg.norm(here.mean(0) - there.mean(0))
                return bool(gap < 2.6 * EYES)
        return False

    def frames(self) -> Iterator[np.ndarray]:
        """Draw the frames, BGR, uint8 (480, 480, 3)."""
        rng = np.random.default_rng(self.seed)
        for frame in range(len(self)):
            canvas = np.full((SIZE, SIZE, 3), 110, np.uint8)
            alone = len(self.stills) == 1
            for face in range(len(self.stills)):
                matrix = self.matrix(face, frame)
                if matrix is not None:
                    _paste(canvas, self.still(face, frame), matrix, alone)
            noisy = canvas + rng.normal(0, self.noise, canvas.shape).astype(np.float32)
            yield np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _matrix(still: Still, pose: Pose) -> np.ndarray:
    """Return the map from a still to a frame."""
    left, right = still.five[:2]
    scale = pose.zoom * EYES / np.linalg.norm(right - left)
    angle = math.radians(pose.roll)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([(cos, -sin), (sin, cos)])
    shift = np.array((pose.x, pose.y)) - turn @ still.five.mean(0)
    return np.column_stack((turn, shift))


def _paste(canvas: np.ndarray, still: Still, matrix: np.ndarray, alone: bool) -> None:
    """Draw a still; of several faces, only the face and what is around it."""
    size = (SIZE, SIZE)
    moved = cv2.warpAffine(
        still.image,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if alone else cv2.BORDER_CONSTANT,
    )
    if alone:
        canvas[:] = moved
        return
    five = still.five @ matrix[:, :2].T + matrix[:, 2]
    eye = np.linalg.norm(five[1] - five[0])
    (x, y), zero = five.mean(0), np.zeros((SIZE, SIZE), np.float32)
    axes = (round(1.15 * eye), round(1.6 * eye))
    turn = math.degrees(math.atan2(*(five[1] - five[0])[::-1]))
    mask = cv2.ellipse(zero, (round(x), round(y)), axes, turn, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)[..., None]
    canvas[:] = np.round(canvas + mask * (moved.astype(np.float32) - canvas))


# ------------------------------------------------------------------------ motions
# Each takes the number of the face and returns the poses.

MIDDLE = SIZE / 2


def _still(n: int) -> list[Pose | None]:
    """A face at rest for two seconds."""
    return [Pose(MIDDLE + n, MIDDLE - n, 1, 3 * (n % 3 - 1))] * 60


def _fast(n: int) -> list[Pose | None]:
    """There and back at up to 8 pixels a frame."""
    way = 80 + 10 * (n % 2)
    angle = 0.4 * n
    found: list[Pose | None] = []
    for i in range(90):
        step = way * math.sin(8 * i / way)
        x, y = MIDDLE + step * math.cos(angle), MIDDLE + step * math.sin(angle)
        found.append(Pose(x, y))
    return found


def _zoom(n: int) -> list[Pose | None]:
    """Zoom from 0.7 to 1.4 and back."""
    wave = [math.cos(2 * math.pi * i / (60 + 10 * n % 40)) for i in range(90)]
    return [Pose(MIDDLE, MIDDLE, 2 ** (-0.5 * w) * 0.99) for w in wave]


def _turn(n: int) -> list[Pose | None]:
    """Roll from -40 to 40 degrees and back."""
    wave = [math.sin(2 * math.pi * i / (60 + 7 * n % 30)) for i in range(90)]
    return [Pose(MIDDLE, MIDDLE, 1, 40 * w) for w in wave]


def _full_turn(n: int) -> list[Pose | None]:
    """One full turn in three seconds, clockwise or not."""
    sign = 1 if n % 2 else -1
    return [Pose(MIDDLE, MIDDLE, 1, sign * 4.0 * i) for i in range(90)]


def _step(n: int) -> list[Pose | None]:
    """A jump by a tenth of the eye distance."""
    start: Pose | None = Pose(MIDDLE, MIDDLE)
    far: Pose | None = Pose(MIDDLE + EYES / 10, MIDDLE)
    return [start] * 30 + [far] * 30


def _leave(n: int) -> list[Pose | None]:
    """A face that is away for half a second, and then for three seconds."""
    here = Pose(MIDDLE + 3 * n, MIDDLE)
    return [here] * 30 + [None] * 15 + [here] * 30 + [None] * 90 + [here] * 45


MOTIONS: dict[str, tuple[Callable[[int], list[Pose | None]], float]] = {
    'still, noise 4': (_still, 4.0),
    'still, noise 10': (_still, 10.0),
    'fast motion': (_fast, 2.0),
    'zoom': (_zoom, 2.0),
    'rotation 40': (_turn, 2.0),
    'full turn': (_full_turn, 2.0),
    'jump': (_step, 2.0),
    'leave and return': (_leave, 2.0),
}


def rendered_stills(part: str, count: int) -> list[Still]:
    """Render frontal faces without an occluder.

    Args:
        part (str): ``'choose'`` or ``'report'``.
        count (int): Number of faces.
    """
    found: list[Still] = []
    number = 0
    while len(found) < count:
        yaw = 12.0 * (number % 3 - 1)
        face = render_face(seed_of(SEEDS[part], SPLIT, number), 400, (yaw, 0.0, 0.0))
        number += 1
        if face.attributes['occluded'] < 0.3:
            found.append(Still(face.image, face.keypoints))
    return found


def real_stills(annotations: str, images: str, part: str, count: int) -> list[Still]:
    """Read frontal faces of an annotation file, half of it for each part.

    Args:
        annotations (str): A COCO file with five or 68 keypoints.
        images (str): Folder of the images.
        part (str): ``'choose'`` or ``'report'``.
        count (int): Number of faces.
    """
    faces = read_annotations(annotations).faces
    faces = [f for f in faces if _is_frontal(f.keypoints)]
    chosen = faces[(part == 'report') :: 2]
    step = max(len(chosen) // count, 1)
    return [
        Still(_bgr(read_image(f'{images}/{f.file}')), f.keypoints)
        for f in chosen[::step][:count]
    ]


def _is_frontal(keypoints: np.ndarray) -> bool:
    """Whether the nose is between the eyes, and the face is large enough."""
    five = five_from_68(keypoints) if len(keypoints) == 68 else keypoints
    left, right, nose = five[:3, 0]
    return right - left >= 35 and 0.3 < (nose - left) / (right - left) < 0.7


def _bgr(image: np.ndarray) -> np.ndarray:
    """Return an image with three channels."""
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def expression_clip(part: str, number: int) -> Clip:
    """Return a clip of a face that opens and closes mouth and eyes at 2 Hz."""
    stills = []
    for i in range(PERIOD):
        wave = (1 - math.cos(2 * math.pi * i / PERIOD)) / 2
        lids = 1 - 0.7 * wave
        doing = Expression(wave, 0.4 * wave, 1 - wave, lids=(lids, lids))
        seed = seed_of(SEEDS[part], 'test', number)
        face = render_face(seed, 400, (0.0, 0.0, 0.0), True, doing)
        stills.append(Still(face.image, face.keypoints))
    poses: list[Pose | None] = [Pose(MIDDLE, MIDDLE)] * (6 * PERIOD)
    return Clip('expression 2 Hz', [stills], [poses], 2.0, number)


def crossing_clip(stills: list[Still], number: int) -> Clip:
    """Return a clip of two faces; one passes behind the other."""
    speed = 4.0 + number % 4
    count = round((SIZE - 2 * 90) / speed)
    rise = 6.0 * (number % 3 - 1)
    there: list[Pose | None] = [
        Pose(90 + speed * i, MIDDLE + rise, 0.8) for i in range(count)
    ]
    back: list[Pose | None] = [
        Pose(SIZE - 90 - speed * i, MIDDLE - rise, 0.85) for i in range(count)
    ]
    poses: list[list[Pose | None]] = [
        [there[0]] * 12 + there + [there[-1]] * 12,
        [back[0]] * 12 + back + [back[-1]] * 12,
    ]
    if number % 2:
        poses.reverse()
    first, second = stills[number % len(stills)], stills[(number + 1) % len(stills)]
    return Clip('crossing', [[first], [second]], poses, 2.0, number)


def clips_of(part: str, stills: list[Still], faces: int = 4) -> Iterator[Clip]:
    """Return the clips of a part.

    Args:
        part (str): ``'choose'`` or ``'report'``.
        stills (list[Still]): The faces.
        faces (int): Number of clips of each motion.
    """
    first = 0 if part == 'choose' else 7
    for kind, (motion, noise) in MOTIONS.items():
        for n in range(faces):
            poses = motion(n + first)
            seed = 100 * first + n
            yield Clip(kind, [[stills[n % len(stills)]]], [poses], noise, seed)
    for n in range(10 if part == 'report' else 4):
        yield crossing_clip(stills, n + first)
    for n in range(2):
        yield expression_clip(part, n + first)
