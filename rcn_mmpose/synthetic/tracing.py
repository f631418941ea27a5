"""Ray tracing: the visible surface of the head, and its shadows."""

from typing import NamedTuple

import cv2
import numpy as np

from .camera import Camera
from .head import Head

_NEAR, _FAR = 2.4, -2.2
_NONE = 9.0
# A ray has met the surface at this distance or nearer, in eye distances.
_HIT = 0.06


class Surface(NamedTuple):
    """The visible surface of the head, for each pixel of a box.

    Attributes:
        box (tuple): x1, y1, x2, y2 in the image; x2 and y2 are not included.
        alpha (np.ndarray): Share of the pixel that the head fills, (H, W).
        depth (np.ndarray): Camera z, towards the viewer, (H, W).
        points (np.ndarray): In the head's frame, (3, H, W).
        normals (np.ndarray): In the camera's frame, length 1, (3, H, W).
    """

    box: tuple[int, int, int, int]
    alpha: np.ndarray
    depth: np.ndarray
    points: np.ndarray
    normals: np.ndarray


def trace(
    head: Head, camera: Camera, size: int, coarse: int = 16, fine: int = 5
) -> Surface:
    """Find the head's surface along all rays (sphere tracing).

    Each step is about as long as the distance estimate. The first steps are
    at half the resolution. The steps at full resolution start a little in
    front of the nearest neighbour's surface.

    Args:
        head (Head): Shape.
        camera (Camera): The camera.
        size (int): Side of the image.
        coarse (int): Steps at half the resolution.
        fine (int): Steps at the full resolution.

    Returns:
        Surface: The visible surface.
    """
    box = _box(head, camera, size)
    start, slope = camera.rays(box, 2)
    z = np.full(start.shape[1:], _NEAR, np.float32)
    z, field, _ = _march(head, start, slope, z, coarse)
    kernel = np.ones((3, 3), np.uint8)
    behind = cv2.erode(np.where(np.abs(field) < 0.1, z, _NONE), kernel)
    start, slope = camera.rays(box)
    shape = start.shape[1:]
    z = cv2.dilate(z, kernel)
    nearest: np.ndarray = cv2.resize(z, shape[::-1], interpolation=cv2.INTER_LINEAR)
    z = nearest + np.float32(1.0 / camera.scale)
    z, field, least = _march(head, start, slope, z, fine)
    behind = cv2.resize(behind, shape[::-1], interpolation=cv2.INTER_NEAREST)
    _retry(head, start, slope, behind, (z, field, least))
    points = start + z * slope
    # A ray that misses by less than a pixel gets a partly filled pixel.
    alpha = np.clip(1.3 - least * camera.scale * 0.9, 0, 1)
    alpha[np.abs(field) < _HIT] = 1
    alpha[z < _FAR + 0.05] = 0
    normals = _normals(points, camera)
    return Surface(box, alpha, z, points, normals)


def _march(
    head: Head, start: np.ndarray, slope: np.ndarray, z: np.ndarray, steps: int
) -> tuple:
    """Step along the rays; bisect where a step has crossed the surface.

    The distance estimate jumps at the edge of the cover. Without bisection,
    steps would cross that edge back and forth.
    """
    outside = z.copy()
    inside = np.full_like(z, _FAR - 1)
    least = np.full_like(z, 9)
    for _ in range(steps):
        field = head.signed(*(start + z * slope))
        np.minimum(least, field, out=least)
        free = field > 0
        outside = np.where(free, z, outside)
        inside = np.where(free, inside, z)
        onward = z - np.float32(0.7) * field
        middle = np.float32(0.5) * (outside + inside)
        z = np.where(free & (onward > inside), onward, middle)
        np.maximum(z, _FAR, out=z)
    return z, field, least


def _retry(
    head: Head,
    start: np.ndarray,
    slope: np.ndarray,
    behind: np.ndarray,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Trace again the rays that just missed an edge, in place.

    A ray close to the jaw takes short steps and may run out of steps. If a
    neighbour has found a surface behind, such as hair, the ray starts there.
    """
    missed = (np.abs(found[1]) > _HIT) & (behind < _NONE)
    if not missed.any():
        return
    # The rays form an image of one column; no step looks at neighbours.
    again = behind[missed][:, None] + np.float32(0.1)
    result = _march(
        head,
        start[:, missed][..., None],
        slope[:, missed][..., None],
        again,
        6,
    )
    hit = np.abs(result[1]) < _HIT
    for old, new in zip(found, result, strict=True):
        old[missed] = np.where(hit, new, old[missed][:, None])[:, 0]


def _box(head: Head, camera: Camera, size: int) -> tuple[int, int, int, int]:
    """Return the box of the head with ears and cover, clipped to the image."""
    cover = head.cover
    wide = 1.40 * head.face.head_width
    if cover is not None:
        wide = max(wide + cover.volume, cover.fullness)
    low, deep = 4.2, wide + 0.3
    corners = np.array(
        [
            (x, y, z)
            for x in (-wide, wide)
            for y in (head.cover_top, low)
            for z in (-deep, deep)
        ]
    )
    flat = camera.project(corners)[:, :2]
    low, high = flat.min(0), flat.max(0)
    x1, y1 = np.clip(np.floor(low).astype(int), 0, size - 8)
    x2, y2 = np.clip(np.ceil(high).astype(int) + 1, 8, size)
    return int(x1), int(y1), int(x2), int(y2)


def _normals(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Compute the normals from differences between neighbouring points."""
    across = np.empty_like(points)
    down = np.empty_like(points)
    for k in range(3):
        across[k] = cv2.Sobel(points[k], cv2.CV_32F, 1, 0, ksize=3)
        down[k] = cv2.Sobel(points[k], cv2.CV_32F, 0, 1, ksize=3)
    cross = np.stack(
        (
            across[1] * down[2] - across[2] * down[1],
            across[2] * down[0] - across[0] * down[2],
            across[0] * down[1] - across[1] * down[0],
        )
    )
    length = np.sqrt((cross**2).sum(0))
    cross /= np.maximum(length, 1e-9)
    turned = np.tensordot(camera.rotation.astype(np.float32), cross, (1, 0))
    # x points right and y down, so the cross product points to the viewer.
    return turned


def shadow(
    head: Head, surface: Surface, light: np.ndarray, softness: float = 0.12
) -> np.ndarray:
    """Compute the shadows that nose, brows and hair cast on the head.

    Args:
        head (Head): Shape.
        surface (Surface): Visible points.
        light (np.ndarray): Direction to the light in the head's frame, (3,).
        softness (float): Depth inside the head, in eye distances, at which a
            shadow is complete.

    Returns:
        np.ndarray: 0 (dark) to 1 (lit), (H, W).
    """
    points = surface.points[:, ::2, ::2]
    light = light.astype(np.float32)[:, None, None]
    deepest = np.full(points.shape[1:], 9, np.float32)
    for reach in (0.14, 0.28, 0.48, 0.75):
        field = head.signed(*(points + np.float32(reach) * light))
        # The edge of a shadow is softer far from the occluding feature.
        np.minimum(deepest, field / np.float32(0.5 + reach), out=deepest)
    lit = np.clip(1 + deepest / np.float32(softness), 0, 1)
    lit = cv2.GaussianBlur(lit, (0, 0), 0.8)
    shape = surface.alpha.shape
    return cv2.resize(lit, shape[::-1], interpolation=cv2.INTER_LINEAR)
