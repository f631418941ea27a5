"""The square of a face in the next frame, turned and placed by its keypoints.

The crop of a tracked face is turned with the face, so the network always sees an
upright face: a crop that stays upright fails beyond 60 degrees. The square follows
from the keypoints alone, whatever detector or crop found the face first. A dead zone
holds the square while the face rests, so noise of the keypoints does not move the
crop and come back as noise of the next keypoints. A moving face pulls the square
along at the edge of the zone, so it never jumps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry.keypoints import FIVE_NAMES, FIVE_RELATIONS, RELATIONS_68
from ..geometry.training_boxes import training_box_of_keypoints

FAR = 1e6  # half the side of an image without edges, in pixels


@dataclass(frozen=True)
class FaceSquare:
    """A square crop.

    Attributes:
        centre: (x, y) in pixels, float64 (2,).
        side: In pixels.
        roll: In degrees, clockwise; 0 is upright.
    """

    centre: np.ndarray
    side: float
    roll: float = 0.0

    @property
    def box(self) -> np.ndarray:
        """The upright box of the same centre and side, (x1, y1, x2, y2)."""
        reach = self.side / 2
        return np.concatenate((self.centre - reach, self.centre + reach))

    @classmethod
    def of_box(cls, box: np.ndarray, roll: float = 0.0) -> FaceSquare:
        """Return the square around the centre of a box with its longer side."""
        box = np.asarray(box, float)
        return cls((box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()), roll)


class NextSquare:
    """Computes the square of a face from its keypoints.

    Args:
        names (Sequence[str]): Names of the keypoints. Crops turn if the eyes are
            known: MTFL's five keypoints and 300W's 68.
        rule (Mapping): How training boxes follow from keypoints.
        dead_zone (float): Part of the side by which centre, side and rim of the
            square may be wrong before it moves, at least 0.
        turn (bool): Whether crops turn with the face.
    """

    def __init__(
        self,
        names: Sequence[str],
        rule: Mapping[str, Any],
        dead_zone: float,
        turn: bool,
    ) -> None:
        self.rule = rule
        self.dead_zone = dead_zone
        eyes: Any = None
        if tuple(names) == FIVE_NAMES:
            eyes = FIVE_RELATIONS['eyes']
        elif len(names) == 68:
            eyes = RELATIONS_68['eyes']
        self.eyes = eyes if turn else None

    def __call__(
        self,
        keypoints: np.ndarray,
        image_size: tuple[int, int],
        last: FaceSquare | None = None,
    ) -> FaceSquare | None:
        """Return the next square, or None if the keypoints span no square.

        Args:
            keypoints (np.ndarray): (x, y) in pixels, (K, 2).
            image_size (tuple): Width and height of the frame.
            last (FaceSquare, optional): The square of the last frame.
        """
        wanted = self._exact(keypoints, image_size)
        if wanted is None or last is None:
            return wanted
        return self._held(wanted, last)

    def roll_of(self, keypoints: np.ndarray) -> float:
        """Return the roll of a face in degrees, clockwise; 0 if it is unknown."""
        if self.eyes is None:
            return 0.0
        left, right = (keypoints[list(eye)].mean(0) for eye in self.eyes)
        return math.degrees(math.atan2(*(right - left)[::-1]))

    def _exact(
        self, keypoints: np.ndarray, image_size: tuple[int, int]
    ) -> FaceSquare | None:
        """Return the square without the dead zone."""
        roll = self.roll_of(keypoints)
        angle = math.radians(roll)
        turn = np.array(
            [(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))]
        )
        middle = keypoints.mean(0)
        level = (keypoints - middle) @ turn + FAR
        try:
            box = training_box_of_keypoints(level, (2 * FAR, 2 * FAR), self.rule)  # type: ignore[arg-type]  # floats do
        except ValueError:
            return None
        side = float((box[2:] - box[:2]).max())
        centre = middle + turn @ ((box[:2] + box[2:]) / 2 - FAR)
        if self.rule.get('rule') == 'eyes_and_mouth':
            # The training shifted boxes back into the image; it never saw a rim.
            side = min(side, *image_size)
            centre = np.clip(centre, side / 2, np.array(image_size) - side / 2)
        return FaceSquare(centre, side, roll)

    def _held(self, wanted: FaceSquare, last: FaceSquare) -> FaceSquare:
        """Move the last square just so far that the wanted one is in the dead zone."""
        zone = self.dead_zone * wanted.side
        off = wanted.centre - last.centre
        away = float(np.linalg.norm(off))
        grown = wanted.side - last.side
        turned = (wanted.roll - last.roll + 180) % 360 - 180
        # Degrees by which a rotation moves the rim of the square as far as the zone.
        free = math.degrees(2 * self.dead_zone)
        rest = [max(0.0, abs(v) - f) for v, f in ((grown, 2 * zone), (turned, free))]
        return FaceSquare(
            last.centre + off * max(0.0, 1 - zone / away if away else 0.0),
            last.side + math.copysign(rest[0], grown),
            last.roll + math.copysign(rest[1], turned),
        )
