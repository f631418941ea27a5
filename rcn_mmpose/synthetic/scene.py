"""The random scene of an image: head, surroundings, light and camera."""

from typing import NamedTuple

import numpy as np

from ..geometry.keypoints import five_from_68
from .camera import Camera, draw_pose, rotation
from .clothes import Clothes, draw_clothes
from .cover import Cover, no_cover
from .eyewear import Glasses, draw_glasses
from .hair_and_hats import draw_cover
from .head import Head
from .layout import Layout, flat_keypoints, make_layout
from .lighting import Lamp, Light, draw_light
from .look import Look, draw_look, draw_skin_colour
from .parameters import (
    Expression,
    Identity,
    draw_expression,
    draw_identity,
    mean_identity,
)
from .relief import make_relief
from .streams import Stream, Streams

Pose = tuple[float, float, float]


class Scene(NamedTuple):
    """A head, its surroundings, the light and the camera.

    Attributes:
        face (Identity): Shape of the face at rest.
        doing (Expression): Expression of the face.
        layout (Layout): Feature lines.
        head (Head): Shape.
        cover (Cover): Hair or hat.
        look (Look): Colours.
        glasses (Glasses | None): Eyewear.
        clothes (Clothes): Neckline.
        light (Light): All light.
        pose (tuple[float, float, float]): Yaw, pitch, roll in degrees.
        camera (Camera): The camera.
        points (np.ndarray): The 68 keypoints in the head's frame, (68, 3).
        plain (bool): Whether the image has no occluders, no cluttered
            background and no camera faults.
    """

    face: Identity
    doing: Expression
    layout: Layout
    head: Head
    cover: Cover
    look: Look
    glasses: Glasses | None
    clothes: Clothes
    light: Light
    pose: Pose
    camera: Camera
    points: np.ndarray
    plain: bool


def draw_scene(
    streams: Streams,
    size: int,
    pose: Pose | None = None,
    plain: bool = False,
    doing: Expression | None = None,
) -> Scene:
    """Draw a random scene.

    Args:
        streams (Streams): Random numbers.
        size (int): Side of the image in pixels.
        pose (tuple, optional): Yaw, pitch, roll in degrees instead of random
            ones.
        plain (bool): Whether to return an average face at rest, in the centre
            of the image, evenly lit, without hair, glasses and occluders.
        doing (Expression, optional): Expression instead of a random one.

    Returns:
        Scene: The scene.
    """
    if pose is None:
        pose = draw_pose(streams.part(Stream.POSE))
    if plain:
        face, doing = mean_identity(), doing or Expression()
    else:
        face = draw_identity(streams.part(Stream.IDENTITY))
        doing = doing or draw_expression(streams.part(Stream.EXPRESSION))
    layout = make_layout(face, doing)
    uneven = None if plain else streams.part(Stream.RELIEF)
    relief = make_relief(face, doing, layout, uneven)
    rng = streams.part(Stream.SKIN_AND_COVER)
    skin = draw_skin_colour(rng)
    if plain:
        skin = np.array([150.0, 175.0, 215.0])
        cover = no_cover()
    else:
        cover = draw_cover(rng, skin, face.age)
    look = draw_look(
        streams.part(Stream.LOOK), skin, cover.hair_colour, child=face.age == 0
    )
    if plain:
        look = look._replace(beard='', stubble=0.0, make_up=0.0, spots=0.0)
        look = look._replace(iris=np.array([25.0, 40, 60]), brow=0.9, shine=0.2)
    head = Head(face, doing, layout, relief, cover)
    points = np.concatenate(
        (head.on_contour(layout.contour), head.lift(flat_keypoints(layout)))
    )
    camera = _place(streams.part(Stream.CAMERA), pose, points, size, plain)
    light = draw_light(streams.part(Stream.LIGHT))
    if plain:
        lamp = Lamp(np.array([0.0, -0.3, 0.95]), np.full(3, 0.8), 0.5, False)
        light = Light(np.full(3, 0.4), 0.3, [lamp], 0.6)
    glasses = None if plain else draw_glasses(streams.part(Stream.GLASSES))
    clothes = draw_clothes(streams.part(Stream.CLOTHES))
    return Scene(
        face,
        doing,
        layout,
        head,
        cover,
        look,
        glasses,
        clothes,
        light,
        pose,
        camera,
        points,
        plain,
    )


def _place(
    rng: np.random.Generator,
    pose: Pose,
    points: np.ndarray,
    size: int,
    plain: bool,
) -> Camera:
    """Choose size and place of the face, with space around its crop."""
    distance = 12.0 if plain else float(1 / rng.uniform(1 / 40, 1 / 7))
    camera = Camera(rotation(*pose), distance, 1.0, np.zeros(2))
    five = five_from_68(camera.project(points)[:, :2])
    # The crop's side for a face of scale 1, by the rule of
    # geometry.boxes.box_from_eyes_and_mouth.
    eyes, mouth = five[:2], five[3:]
    reach = max(
        np.linalg.norm(eyes[1] - eyes[0]),
        np.linalg.norm(eyes.mean(0) - mouth.mean(0)),
    )
    corners = np.concatenate((eyes, mouth))
    low, high = corners.min(0), corners.max(0)
    side = (high - low).max() + 1.9 * reach
    # The image is 1.3 to 1.75 times as wide as the crop.
    part = 0.7 if plain else rng.uniform(1 / 1.75, 1 / 1.3)
    scale = part * size / side
    # A shift leaves a tenth of the crop free on every side.
    room = size * (1 - 1.2 * part) / 2
    shift = np.zeros(2) if plain else rng.uniform(-room, room, 2)
    middle = (size - 1) / 2 + shift
    centre = middle - (low + high) / 2 * scale
    return camera._replace(scale=float(scale), centre=centre)
