"""Rendering one synthetic face: the image and its exact keypoints."""

from typing import NamedTuple

import cv2
import numpy as np

from ..geometry.keypoints import five_from_68
from .background import draw_background
from .camera import Camera
from .camera_faults import compress, degrade
from .clothes import draw_shoulders, neck_cut
from .eyewear import wear
from .lighting import expose, shade
from .occluders import Around, draw_occluders
from .parameters import Expression
from .relief import SCALE
from .scene import Scene, draw_scene
from .skin import paint
from .streams import Seed, Stream, Streams
from .tracing import trace

# A visible keypoint may lie this far behind the surface, in eye distances.
# On a steep flank, half a pixel of the depth map is that much.
_TOLERANCE = 0.10


class SyntheticFace(NamedTuple):
    """One rendered face.

    Pixel (0, 0) is the centre of the top left pixel; x comes before y.

    Attributes:
        image (np.ndarray): BGR, (H, W, 3), uint8: the decoded ``jpeg``.
        jpeg (bytes): The image as the content of a JPEG file.
        keypoints (np.ndarray): The 68 in iBUG's order, of shape (68, 2),
            float64. The contour follows the jaw in three dimensions, not the
            silhouette, so it runs behind the cheek of a turned head.
        visible (np.ndarray): Whether each keypoint is visible, (68,), bool.
            The head, its hair and occluders can hide a keypoint; glasses do
            not.
        five (np.ndarray): Eye centres, nose tip, mouth corners, (5, 2).
        five_visible (np.ndarray): (5,), bool; an eye counts as visible if at
            least half of its six keypoints are.
        attributes (dict): ``yaw``, ``pitch``, ``roll`` in degrees (positive:
            nose to the image's right, nose down, clockwise), ``cover``,
            ``glasses``, ``beard``, ``occluded`` (share of the 68 keypoints
            that is hidden).
    """

    image: np.ndarray
    jpeg: bytes
    keypoints: np.ndarray
    visible: np.ndarray
    five: np.ndarray
    five_visible: np.ndarray
    attributes: dict


def render_face(
    seed: Seed,
    size: int = 160,
    pose: tuple[float, float, float] | None = None,
    plain: bool = False,
    expression: Expression | None = None,
) -> SyntheticFace:
    """Render a face.

    The result is deterministic: equal arguments give equal bytes.

    Args:
        seed (int | np.random.SeedSequence): Seed of all random numbers.
        size (int): Side of the image in pixels, at least 32. Defaults to
            160.
        pose (tuple, optional): Yaw, pitch and roll in degrees instead of
            random ones.
        plain (bool): Whether to render an average face at rest, centred,
            evenly lit, without hair and occluders.
        expression (Expression, optional): Instead of a random one. All else stays,
            but the image is placed by the keypoints.

    Returns:
        SyntheticFace: Image and keypoints.

    Raises:
        ValueError: If the size is below 32.
    """
    if size < 32:
        raise ValueError(f'size {size} is too small for a face; 32 or more.')
    streams = Streams(seed)
    scene = draw_scene(streams, size, pose, plain, expression)
    image, depth, hidden = draw_image(streams, scene, size)
    jpeg = compress(streams.part(Stream.JPEG), image)
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError('OpenCV cannot read the JPEG that it has written.')
    projected = scene.camera.project(scene.points)
    visible = _visible(projected, depth, hidden)
    five = five_from_68(projected[:, :2])
    five_visible = np.array(
        [
            visible[36:42].mean() >= 0.5,
            visible[42:48].mean() >= 0.5,
            visible[30],
            visible[48],
            visible[54],
        ]
    )
    yaw, pitch, roll = scene.pose
    attributes = dict(
        yaw=round(yaw, 3),
        pitch=round(pitch, 3),
        roll=round(roll, 3),
        cover=scene.cover.kind,
        glasses=_glasses_name(scene),
        beard=scene.look.beard,
        occluded=round(float(1 - visible.mean()), 3),
    )
    return SyntheticFace(
        decoded,
        jpeg,
        projected[:, :2],
        visible,
        five,
        five_visible,
        attributes,
    )


def draw_image(
    streams: Streams, scene: Scene, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a scene from back to front.

    Args:
        streams (Streams): Random numbers.
        scene (Scene): What to draw.
        size (int): Side of the image in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: BGR image (H, W, 3),
        uint8; the head's depth (H, W); how much of each pixel is hidden by
        hair or an occluder, 0 to 1, (H, W).
    """
    head, camera, chin = scene.head, scene.camera, scene.layout.chin_y
    surface = trace(head, camera, size)
    painted = paint(
        streams.part(Stream.PAINT), scene.face, scene.doing, scene.layout, scene.look
    )
    # The painted map is finer than the image: blur it against aliasing.
    coarse = 0.35 * SCALE / camera.scale
    painted = cv2.GaussianBlur(painted, (0, 0), coarse)
    light, covered = shade(
        head,
        surface,
        camera.rotation,
        painted,
        scene.look,
        scene.cover,
        scene.light,
    )
    alpha = surface.alpha * np.maximum(
        neck_cut(surface.points, chin, scene.clothes), covered > 0.5
    )
    skin_only = alpha * (1 - covered)
    colour = expose(light, skin_only, scene.light.level)
    # In a bright photograph, dark skin looks paler than its pigment.
    colour += np.float32(0.35) * (colour.mean(2, keepdims=True) - colour)
    skin, hair = _as_lit(colour, skin_only, scene, alpha * covered)

    rng = streams.part(Stream.SURROUNDINGS)
    if scene.plain:
        canvas = np.full((size, size, 3), 90, np.float32)
    else:
        canvas = draw_background(rng, size)
    draw_shoulders(rng, canvas, camera, chin, scene.clothes, skin)
    x1, y1, x2, y2 = surface.box
    part = canvas[y1:y2, x1:x2]
    part += alpha[..., None] * (colour - part)
    depth = np.full((size, size), -9, np.float32)
    depth[y1:y2, x1:x2] = np.where(surface.alpha > 0.5, surface.depth, -9)
    hidden = np.zeros((size, size), np.float32)
    hidden[y1:y2, x1:x2] = alpha * covered
    if scene.cover.brim:
        _brim(canvas, hidden, scene, camera)
    if scene.glasses is not None:
        wear(
            streams.part(Stream.REFLECTIONS),
            canvas,
            depth,
            scene.glasses,
            head,
            scene.face,
            camera,
        )
    anchors = camera.project(scene.points)[:, :2]
    chance = 0.0 if scene.plain else 0.3
    front = draw_occluders(
        streams.part(Stream.OCCLUDERS),
        canvas,
        Around(anchors, camera.scale, skin, hair),
        chance,
    )
    np.maximum(hidden, front, out=hidden)
    if not scene.plain:
        return degrade(streams.part(Stream.CAMERA_FAULTS), canvas), depth, hidden
    return np.clip(canvas, 0, 255).astype(np.uint8), depth, hidden


def _as_lit(
    colour: np.ndarray,
    weight: np.ndarray,
    scene: Scene,
    hair_weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean colours of skin and hair in the image, as lit.

    Hands take the skin's colour and strands take the hair's.
    """
    total = weight.sum() + 1e-6
    skin = (colour * weight[..., None]).sum((0, 1)) / total
    hair = scene.cover.hair_colour * 0.8
    if hair_weight.sum() > 50 and scene.cover.kind in ('short', 'long'):
        hair = (colour * hair_weight[..., None]).sum((0, 1)) / hair_weight.sum()
    return skin.astype(np.float32), np.asarray(hair, np.float32)


def _brim(canvas: np.ndarray, hidden: np.ndarray, scene: Scene, camera: Camera) -> None:
    """Draw the brim of a cap and its shadow, in place."""
    cover = scene.cover
    rim = float(cover.line[len(cover.line) // 2])
    t = np.linspace(-1, 1, 15)
    wide = 0.95 * scene.face.head_width
    z = scene.head.lift(np.stack((0.9 * t, np.full(15, rim)), 1))[:, 2]
    inner = np.stack((wide * t, np.full(15, rim - 0.02), z), 1)
    outer = inner.copy()
    bow = np.sqrt(np.maximum(1 - t**2, 0))
    outer[:, 2] += cover.brim * bow + cover.volume
    outer[:, 1] += 0.45 * cover.brim * bow
    flat = camera.project(np.concatenate((inner, outer[::-1])))[:, :2]
    layer = np.zeros(hidden.shape, np.uint8)
    corners = np.round(flat * 16).astype(np.int32)
    cv2.fillPoly(layer, [corners], 255, cv2.LINE_AA, 4)
    alpha = layer.astype(np.float32) / 255
    drop = 0.25 * cover.brim * camera.scale
    down = np.array([[1, 0, 0], [0, 1, drop]], np.float32)
    shade = cv2.warpAffine(alpha, down, alpha.shape[::-1])
    shade = cv2.GaussianBlur(shade, (0, 0), 0.06 * camera.scale)
    canvas *= (1 - 0.45 * shade * (1 - alpha))[..., None]
    tone = (cover.colour * 0.75).astype(np.float32)
    canvas += alpha[..., None] * (tone - canvas)
    np.maximum(hidden, alpha, out=hidden)


def _visible(
    projected: np.ndarray, depth: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    """Return which keypoints are visible.

    A visible keypoint lies inside the image, on the surface that the depth map
    shows, at a pixel that is less than half hidden.
    """
    size = len(depth)
    place = np.round(projected[:, :2]).astype(int)
    inside = ((place >= 0) & (place < size)).all(1)
    x, y = np.clip(place, 0, size - 1).T
    # At the silhouette the nearest pixel may lie beside the head, so take the
    # farthest depth of the neighbours.
    depth = cv2.erode(depth, np.ones((3, 3), np.uint8))
    near = projected[:, 2] >= depth[y, x] - _TOLERANCE
    return inside & near & (hidden[y, x] < 0.5)


def _glasses_name(scene: Scene) -> str:
    """Return ``''``, ``'clear'`` or ``'dark'``."""
    if scene.glasses is None:
        return ''
    return 'dark' if scene.glasses.tint > 0.3 else 'clear'
