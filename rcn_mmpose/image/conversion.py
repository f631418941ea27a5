"""Images in other forms than uint8 arrays: deep images, PIL images and tensors."""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np

# Depths of cameras. Files and arrays of 16 bits do not say which one they hold.
DEPTHS = (8, 10, 12, 14, 16)
# Files that may hold fewer bits than they have room for: PNG, TIFF, PGM and PPM,
# and PFM, which holds float numbers.
UNDECLARED = (b'\x89PNG', b'II*\0', b'MM\0*', b'II+\0', b'MM\0+', b'P')


def to_8_bits(array: np.ndarray) -> np.ndarray:
    """Reduce an image of 16-bit numbers to uint8.

    The depth is the smallest of 8, 10, 12, 14 and 16 bits that holds all values.

    Args:
        array (np.ndarray): uint16, any shape.

    Returns:
        np.ndarray: uint8, the same shape.
    """
    needed = int(array.max(initial=0)).bit_length()
    depth = next(depth for depth in DEPTHS if needed <= depth)
    reduced = np.empty(array.shape, np.uint8)  # without a copy of 16 bits
    return np.right_shift(array, depth - 8, out=reduced, casting='unsafe')


def decode_deep(content: bytes, path: str) -> np.ndarray | None:
    """Decode an image file of 10, 12 or 14 bits, which OpenCV makes almost black.

    Args:
        content (bytes): All of a file that was decoded, but is dark or empty.
        path (str): Its name, for the error message.

    Returns:
        np.ndarray | None: uint8 (H, W, 3) BGR; None if the file is of another kind.

    Raises:
        ValueError: If the file holds other numbers than 8 or 16 bits.
    """
    if not content.startswith(UNDECLARED):
        return None
    data = np.frombuffer(content, np.uint8)
    array: np.ndarray | None
    try:
        array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if array is not None and array.dtype == np.uint16:
            array = None  # two large images at the same time are one too many
            array = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
            return None if array is None else to_8_bits(array)
    except cv2.error:
        return None
    if array is not None and array.dtype != np.uint8:
        raise ValueError(
            f'image {path!r} holds values of type {array.dtype}, whose white is not '
            'known; save it with 8 or 16 bits.'
        )
    return None


def is_pil(value: Any) -> bool:
    """Whether a value is a PIL.Image, without importing PIL."""
    module = sys.modules.get('PIL.Image')
    return module is not None and isinstance(value, module.Image)


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch, without importing PyTorch."""
    module = sys.modules.get('torch')
    return module is not None and isinstance(value, module.Tensor)


def from_pil(image: Any) -> np.ndarray:
    """Convert a PIL.Image to grey or BGR, rotated by its EXIF tag.

    Raises:
        ValueError: If the range of its values is unknown.
    """
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode == 'L':
        return np.asarray(image)
    if image.mode.startswith('I;16'):  # Pillow would clip at 255.
        return to_8_bits(np.asarray(image))
    if image.mode in ('I', 'F'):
        raise ValueError(
            f'a PIL.Image of mode {image.mode!r}, whose white is not known; '
            "scale its values to 0 to 255 and convert it to mode 'L'."
        )
    return np.asarray(image.convert('RGB'))[..., ::-1].copy()


def from_tensor(tensor: Any) -> np.ndarray:
    """Convert a tensor in the form of torchvision to grey or BGR.

    Args:
        tensor (torch.Tensor): On any device, (3, H, W) RGB, or (1, H, W) or (H, W)
            grey; uint8, uint16, or floating point from 0 to 1.

    Returns:
        np.ndarray: uint8 or uint16, (H, W) or (H, W, 3) BGR.

    Raises:
        ValueError: If the tensor has another form.
    """
    shape = tuple(tensor.shape)
    if len(shape) not in (2, 3) or shape[:-2] not in ((), (1,), (3,)):
        raise ValueError(
            f'a tensor of shape {shape}; give (3, H, W) RGB, or (1, H, W) or (H, W) '
            'grey, as torchvision does. Of (H, W, 3): x.permute(2, 0, 1) if it is RGB, '
            'x.numpy() if it is BGR.'
        )
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        array = tensor.float().numpy()
        if not (array.size and 0 <= array.min() and array.max() <= 1):
            raise ValueError(
                f'a tensor of {tensor.dtype} with values {_range(array)}; give '
                'values from 0 to 1 without normalisation, or uint8.'
            )
        array = np.round(array * 255).astype(np.uint8)
    else:
        array = tensor.numpy()
    if array.ndim == 2:
        return array
    return np.ascontiguousarray(array.transpose(1, 2, 0)[..., ::-1])


def advice(array: np.ndarray) -> str:
    """Return how to make an image of an array, or an empty text."""
    steps, where = [], ''
    if array.ndim == 3 and array.shape[2] not in (1, 3):
        if array.shape[2] == 4:
            steps.append('Remove the fourth channel: x[..., :3].')
        elif array.shape[2] == 2:
            steps.append('Take the first channel: x[..., 0].')
        elif array.shape[0] in (1, 3):
            steps.append('Put the channels last: x.transpose(1, 2, 0).')
    kind = array.dtype.kind
    if kind == 'b':
        where = '255 * x.astype(numpy.uint8)'
    elif kind in 'iuf' and array.dtype != np.uint8 and array.size:
        low, high = array.min(), array.max()
        if kind == 'f' and 0 <= low and high <= 1:
            where = '(255 * x).astype(numpy.uint8)'
        elif 0 <= low and high <= 255:
            where = 'x.astype(numpy.uint8)'
        elif 0 <= low and high < 2**16 and kind != 'f':
            where = 'x.astype(numpy.uint16)'
        else:
            steps.append(f'Scale its values, {_range(array)}, to 0 to 255.')
    if where:
        steps.append(f'Convert its values: {where}.')
    return ''.join(f' {step}' for step in steps)


def _range(array: np.ndarray) -> str:
    """Describe the smallest and the largest value."""
    if not array.size:
        return '(none)'
    return f'from {array.min():g} to {array.max():g}'
