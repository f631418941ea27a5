"""The head as an implicit surface: bare head, relief, ears, cover.

A point lies inside the head where :meth:`Head.signed` is negative. Horizontal
sections of the bare head are superellipses; their half-width and half-depth
depend on the height. The relief moves the front along z. Hair or a hat
enlarges the head above a line around it.
"""

import cv2
import numpy as np

from .cover import Cover
from .layout import Layout
from .parameters import Expression, Identity
from .relief import LEFT, SCALE, TOP

# Range of heights of the tables, and rows per eye distance.
_LOW, _HIGH, _ROWS = -2.6, 4.4, 100
_Y = np.arange(_LOW, _HIGH, 1 / _ROWS)
_EAR_Y, _EAR_Z = 0.30, -0.12


class Head:
    """Shape of one head.

    Args:
        face (Identity): Shape of the face at rest.
        doing (Expression): Expression of the face.
        layout (Layout): Feature lines of the same face.
        relief (np.ndarray): Of
            :func:`~rcn_mmpose.synthetic.relief.make_relief`.
        cover (Cover, optional): Hair or hat.

    Attributes:
        top (float): Height of the bare head's highest point.
        cover_top (float): Height of the highest point with hair or hat.
        ear_x (float): Half the distance between the ears.
    """

    def __init__(
        self,
        face: Identity,
        doing: Expression,
        layout: Layout,
        relief: np.ndarray,
        cover: Cover | None = None,
    ) -> None:
        self.face = face
        self.layout = layout
        self.relief = relief
        self.cover = cover
        self.top = -1.80 * face.forehead
        self._k = np.float32(face.squareness)
        width, depth = self._tables()
        self._width, self._depth = width, depth
        self.ear_x = float(np.interp(_EAR_Y - 0.1, _Y, width))
        if cover is not None:
            self._cover_width, self._cover_depth = cover.tables(_Y, width, depth)
            self.cover_top = self.top - cover.volume
        else:
            self.cover_top = self.top

    def _tables(self) -> tuple:
        """Return half-width and half-depth over the height, float32."""
        face, chin = self.face, self.layout.chin_y
        wide, jaw = face.head_width, face.jaw_width
        neck = 0.80 * wide * (0.85 + 0.15 * jaw)
        length = chin / 1.86
        y = [-0.5, 0.0, 0.4 * length, 0.8 * length, 1.15 * length]
        w = [
            1.20 * wide,
            1.17 * wide,
            1.11 * wide,
            (0.70 * wide + 0.36 * jaw),
            0.97 * jaw,
        ]
        y += [chin - 0.40, chin - 0.16, chin - 0.02, chin + 0.12]
        w += [
            0.85 * jaw,
            0.42 * jaw + 0.24 * face.chin_width,
            0.26 * jaw + 0.28 * face.chin_width,
            neck,
        ]
        y += [chin + 0.5, 3.2, 3.7, 4.4]
        w += [neck, 1.06 * neck, 1.5 * neck, 2.4 * neck]
        width = np.interp(_Y, y, w)
        y = [-0.5, -0.2, 0.1, 0.5, 0.8, 1.1, chin - 0.4, chin - 0.14]
        d = [1.43, 1.44, 1.36, 1.33, 1.34, 1.36, 1.32, 1.30]
        y += [chin - 0.02, chin + 0.06, chin + 0.22, chin + 0.5, 3.4, 4.4]
        d += [1.18, 0.98, 0.72, 0.48, 0.45, 0.9]
        depth = np.interp(_Y, y, d)
        # Smooth the corners of the tables; the depth below the chin needs less.
        width = cv2.GaussianBlur(width[:, None], (1, 41), 7.0)[:, 0]
        depth = cv2.GaussianBlur(depth[:, None], (1, 21), 3.0)[:, 0]
        dome = np.clip((_Y + 0.5) / (self.top + 0.5), 0, 1)
        dome = np.sqrt(np.maximum(1 - dome**2.3, 1e-4))
        return (
            (width * dome).astype(np.float32),
            (depth * dome).astype(np.float32),
        )

    def signed(
        self, x: np.ndarray, y: np.ndarray, z: np.ndarray, bare: bool = False
    ) -> np.ndarray:
        """Estimate the signed distance to the surface.

        Args:
            x (np.ndarray): Positions in the head's frame, (M, N), float32.
            y (np.ndarray): As x.
            z (np.ndarray): As x.
            bare (bool): Whether to leave out hair and hat.

        Returns:
            np.ndarray: Distance in eye distances, (M, N): negative inside;
            outside at most a little more than the true distance.
        """
        relief: np.ndarray = cv2.remap(
            self.relief,
            (x - np.float32(LEFT)) * np.float32(SCALE),
            (y - np.float32(TOP)) * np.float32(SCALE),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        # The relief fades out on the flanks: the back of the head has none.
        relief *= np.clip(z * np.float32(2.5), 0, 1)
        deep = z - relief
        row = ((y - np.float32(_LOW)) * np.float32(_ROWS)).astype(np.int32)
        np.clip(row, 0, len(_Y) - 1, out=row)
        width, depth = self._width[row], self._depth[row]
        top = np.float32(self.top)
        if self.cover is not None and not bare:
            mask = self.cover.mask(x, y, z)
            width = width + mask * (self._cover_width[row] - width)
            depth = depth + mask * (self._cover_depth[row] - depth)
            top = np.float32(self.cover_top)
        u, v = x / width, deep / depth
        u *= u
        v *= v
        q = u + v - self._k * u * v * (v < 1)
        field = (np.sqrt(np.maximum(q, 0)) - 1) * np.minimum(width, depth)
        field = np.maximum(field, top - y)
        return np.minimum(field, self._ears(x, y, z))

    def _ears(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the signed distance to two flat ellipsoids, the ears.

        The ears stand out further at the back.
        """
        size = self.face.ear_size
        side = np.abs(x) - np.float32(self.ear_x)
        back = z - np.float32(_EAR_Z)
        lean = side + back * np.float32(0.2 + 1.5 * self.face.ear_out)
        q = np.sqrt(
            (lean / np.float32(0.10)) ** 2
            + ((y - np.float32(_EAR_Y)) / np.float32(0.46 * size)) ** 2
            + (back / np.float32(0.24 * size)) ** 2
        )
        return (q - 1) * np.float32(0.10)

    def lift(self, points: np.ndarray) -> np.ndarray:
        """Project points of the front view onto the bare head's surface.

        Args:
            points (np.ndarray): (x, y) in the face frame, (N, 2).

        Returns:
            np.ndarray: (x, y, z), (N, 3), float64.
        """
        x, y = np.asarray(points, np.float64).T
        width = np.interp(y, _Y, self._width)
        depth = np.interp(y, _Y, self._depth)
        u = np.minimum((x / width) ** 2, 0.999)
        z = depth * np.sqrt((1 - u) / (1 - float(self._k) * u))
        return np.stack((x, y, z + self._relief_at(x, y)), 1)

    def on_contour(self, contour: np.ndarray) -> np.ndarray:
        """Project contour points onto the bare head's surface.

        Args:
            contour (np.ndarray): Height and azimuth in radians, (N, 2).

        Returns:
            np.ndarray: (x, y, z), (N, 3), float64.
        """
        y, azimuth = np.asarray(contour, np.float64).T
        width = np.interp(y, _Y, self._width)
        depth = np.interp(y, _Y, self._depth)
        u, v = np.sin(azimuth), np.cos(azimuth)
        # Solve u'^2 + v'^2 - k u'^2 v'^2 = 1 with (u', v') = r (u, v) for r^2.
        uv = float(self._k) * (u * v) ** 2
        r2 = 2 / (1 + np.sqrt(np.maximum(1 - 4 * uv, 0)))
        x, z = np.sqrt(r2) * u * width, np.sqrt(r2) * v * depth
        fade = np.clip(z * 2.5, 0, 1)
        return np.stack((x, y, z + fade * self._relief_at(x, y)), 1)

    def _relief_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Interpolate the relief at positions of the face frame, (N,)."""
        column, row = (
            ((v - start) * SCALE).astype(np.float32)[None]
            for v, start in ((x, LEFT), (y, TOP))
        )
        return cv2.remap(self.relief, column, row, cv2.INTER_LINEAR)[0].astype(float)
