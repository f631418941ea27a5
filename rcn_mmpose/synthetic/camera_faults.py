"""Image faults of cameras and files: blur, noise, contrast, JPEG."""

import cv2
import numpy as np


def degrade(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Add random camera faults to an image; its geometry does not change.

    Args:
        rng (np.random.Generator): Random numbers.
        canvas (np.ndarray): BGR, (H, W, 3), float32.

    Returns:
        np.ndarray: Same shape, uint8.
    """
    size = len(canvas)
    if rng.random() < 0.5:
        gain = np.exp(rng.normal(0, 0.22))
        canvas = (canvas - 128) * gain + 128 + rng.normal(0, 14)
    if rng.random() < 0.4:
        # A colour cast, for example the yellow of old prints.
        canvas = canvas * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    # No lens resolves edges of one pixel.
    blur = 0.4 + abs(rng.normal(0, 0.45))
    if rng.random() < 0.12:
        blur = rng.uniform(1.0, 2.4)
    canvas = cv2.GaussianBlur(canvas, (0, 0), blur * size / 160)
    if rng.random() < 0.08:
        canvas = _motion_blur(rng, canvas)
    if rng.random() < 0.3:
        # Reduce and enlarge. INTER_AREA keeps the pixel centres.
        small = int(size * rng.uniform(0.35, 0.9))
        canvas = cv2.resize(canvas, (small, small), interpolation=cv2.INTER_AREA)
        way = int(rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
        canvas = cv2.resize(canvas, (size, size), interpolation=way)
    if rng.random() < 0.2:
        canvas = _flat_grey(canvas)
    grain = abs(rng.normal(0, 3))
    if rng.random() < 0.07:
        grain = rng.uniform(8, 18)
    noise = rng.standard_normal((size, size, 1), np.float32)
    if rng.random() < 0.3:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.8)[..., None] * 1.8
    canvas = canvas + np.float32(grain) * noise
    return np.clip(np.round(canvas), 0, 255).astype(np.uint8)


def compress(rng: np.random.Generator, image: np.ndarray) -> bytes:
    """Encode the image as JPEG of a random quality.

    Args:
        rng (np.random.Generator): Random numbers.
        image (np.ndarray): BGR, (H, W, 3), uint8.

    Returns:
        bytes: The file's content.

    Raises:
        RuntimeError: If OpenCV cannot write JPEG.
    """
    quality = int(rng.integers(55, 97))
    if rng.random() < 0.15:
        quality = int(rng.integers(18, 55))
    done, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError('OpenCV cannot write JPEG.')
    return data.tobytes()


def _motion_blur(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Blur along a line that is centred on the kernel."""
    length = rng.uniform(2, 7) * len(canvas) / 160
    angle = rng.uniform(0, np.pi)
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    for t in np.linspace(-1, 1, 4 * side):
        x, y = np.round(t * half + side // 2).astype(int)
        kernel[y, x] += 1
    kernel += kernel[::-1, ::-1]
    return cv2.filter2D(canvas, -1, kernel / kernel.sum())


def _flat_grey(canvas: np.ndarray) -> np.ndarray:
    """Turn BGR into grey with three equal channels."""
    grey = canvas @ np.array([0.114, 0.587, 0.299], np.float32)
    return np.repeat(grey[..., None], 3, axis=2)
