"""Backgrounds: plain, cluttered, blurred, with text or other people."""

import cv2
import numpy as np

SKIN_LIKE = (130.0, 160.0, 205.0)  # BGR


def draw_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a random background.

    Args:
        rng (np.random.Generator): Random numbers.
        size (int): Side in pixels.

    Returns:
        np.ndarray: BGR, (size, size, 3), float32.
    """
    kind = rng.random()
    canvas = _gradient(rng, size)
    if kind < 0.12:
        if rng.random() < 0.5:
            canvas[:] = rng.choice((rng.uniform(0, 25), rng.uniform(225, 255)))
        return canvas
    if rng.random() < 0.7:
        canvas += _clouds(rng, size)
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 14))):
        _shape(rng, canvas)
    if rng.random() < 0.25:
        _stripes(rng, canvas)
    if rng.random() < 0.15:
        _letters(rng, canvas)
    if rng.random() < 0.22:
        for _ in range(int(rng.integers(1, 4))):
            _bystander(rng, canvas)
    if rng.random() < 0.3:
        _leaves(rng, canvas)
    blur = max(0.0, rng.normal(1.2, 2.0))
    if blur > 0.3:
        canvas = cv2.GaussianBlur(canvas, (0, 0), blur)
    return canvas.astype(np.float32)


def random_colour(rng: np.random.Generator) -> tuple:
    """Draw a random colour; pale colours are more likely than strong ones.

    Args:
        rng (np.random.Generator): Random numbers.

    Returns:
        tuple[float, float, float]: BGR, 0 to 255.
    """
    colour = rng.uniform(0, 255) + rng.normal(0, 30, 3)
    if rng.random() < 0.15:
        colour = np.array(SKIN_LIKE) * rng.uniform(0.4, 1.2)
    return tuple(np.clip(colour, 0, 255).tolist())


def _gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a smooth gradient between four random corner colours."""
    corners = np.array([random_colour(rng) for _ in range(4)], np.float32)
    mix = rng.uniform(0, 1)
    corners += mix * (corners[0] - corners)
    return cv2.resize(
        corners.reshape(2, 2, 3), (size, size), interpolation=cv2.INTER_LINEAR
    )


def _clouds(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return noise of several octaves with a little colour."""
    total = np.zeros((size, size, 3), np.float32)
    strength = rng.uniform(5, 60)
    fall = rng.uniform(0.4, 0.9)
    for cells in (3, 6, 12, 25, 50):
        noise = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        noise = 0.12 * noise + 0.88 * noise[..., :1]
        total += strength * cv2.resize(
            noise, (size, size), interpolation=cv2.INTER_CUBIC
        )
        strength *= fall
    return total


def _shape(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Draw a rectangle, a line, an ellipse or a polygon, in place."""
    size = len(canvas)
    colour = random_colour(rng)
    kind = rng.integers(4)
    a, b = rng.uniform(-0.1, 1.1, (2, 2)) * size
    thick = int(rng.choice((-1, 1, 2, 3, 6)))
    if kind == 0:
        cv2.rectangle(canvas, _int(a), _int(b), colour, thick)
    elif kind == 1:
        cv2.line(canvas, _int(a), _int(b), colour, abs(thick), cv2.LINE_AA)
    elif kind == 2:
        axes = _int(rng.uniform(0.02, 0.35, 2) * size)
        cv2.ellipse(
            canvas,
            _int(a),
            axes,
            float(rng.uniform(0, 180)),
            0,
            360,
            colour,
            thick,
            cv2.LINE_AA,
        )
    else:
        corners = a + rng.uniform(-0.35, 0.35, (4, 2)) * size
        cv2.fillPoly(canvas, [corners.astype(np.int32)], colour, cv2.LINE_AA)


def _int(point: np.ndarray | tuple[int, int]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _stripes(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Draw parallel stripes, such as windows, fences and books, in place."""
    size = len(canvas)
    start, end = np.sort(rng.uniform(0, size, 2)).astype(int)
    pitch = int(rng.integers(4, 24))
    colour = random_colour(rng)
    wide = int(rng.integers(1, max(2, pitch // 2)))
    flip = rng.random() < 0.5
    for at in range(0, size, pitch):
        a, b = (start, at), (end, at)
        if flip:
            a, b = a[::-1], b[::-1]
        cv2.line(canvas, _int(a), _int(b), colour, wide)


def _letters(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Draw eight random letters, in place."""
    size = len(canvas)
    text = ''.join(chr(c) for c in rng.integers(65, 91, 8))
    at = _int(rng.uniform((-0.2, 0.1), (0.5, 1.0)) * size)
    cv2.putText(
        canvas,
        text,
        at,
        int(rng.integers(0, 8)),
        float(rng.uniform(0.3, 1.5) * size / 160),
        random_colour(rng),
        int(rng.integers(1, 4)),
        cv2.LINE_AA,
    )


def _leaves(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Draw many small spots of one hue, such as leaves, in place."""
    size = len(canvas)
    colour = np.array(random_colour(rng))
    count = int(rng.integers(30, 120))
    spots = rng.uniform(0, size, (count, 2)).astype(int)
    radii = rng.integers(1, 5, count)
    tones = rng.uniform(0.4, 1.6, count)
    for at, radius, tone in zip(spots.tolist(), radii.tolist(), tones, strict=True):
        cv2.circle(
            canvas,
            tuple(at),
            radius,
            np.clip(colour * tone, 0, 255).tolist(),
            -1,
        )


def _bystander(rng: np.random.Generator, canvas: np.ndarray) -> None:
    """Draw a rough head of another person, in place."""
    size = len(canvas)
    at = rng.uniform(-0.1, 1.1, 2) * size
    r = rng.uniform(0.08, 0.28) * size
    skin = np.array(SKIN_LIKE) * rng.uniform(0.3, 1.2)
    hair = np.array(random_colour(rng)) * 0.5

    def blob(dx: float, dy: float, rx: float, ry: float, colour: np.ndarray) -> None:
        centre = _int(at + (dx * r, dy * r))
        axes = max(1, int(rx * r)), max(1, int(ry * r))
        bgr = np.clip(colour, 0, 255).tolist()
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, bgr, -1, cv2.LINE_AA)

    blob(0, 2.3, 2.0, 1.2, np.array(random_colour(rng)))
    blob(0, -0.25, 0.95, 1.2, hair)
    blob(0, 0.1, 0.72, 1.0, skin)
    for side in (-1, 1):
        blob(0.3 * side, -0.05, 0.14, 0.07, skin * 0.4)
        blob(0.3 * side, -0.22, 0.2, 0.05, skin * 0.55)
    blob(0, 0.3, 0.13, 0.07, skin * 0.75)
    blob(0, 0.58, 0.3, 0.08, skin * (0.55, 0.45, 0.75))
