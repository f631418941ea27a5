"""Local contrast normalisation (paper, section 5.1; settings of its code).

Each pixel is compared with the 9x9 pixels around it, weighted by a Gaussian G::

    v   = x - G * x
    s   = sqrt(G * v^2)
    out = (v / max(s, mean of s) + 2.5) / 5

The mean of s bounds the gain in flat regions. The image counts as zero
beyond its border.
"""

import torch
from torch import Tensor

WINDOW = 9
SIGMA = 1.591  # pixels
FLOORS = ('image', 'batch')


def _blur_matrix(size: int, like: Tensor) -> Tensor:
    """Return the (size, size) matrix of the 1-D Gaussian, zero outside its window."""
    places = torch.arange(size, device=like.device)
    distance = (places[:, None] - places).abs()
    reach = WINDOW // 2
    steps = torch.arange(-reach, reach + 1, device=like.device)
    total = torch.exp(-(steps.to(like.dtype) ** 2) / (2 * SIGMA**2)).sum()
    weights = torch.exp(-(distance.to(like.dtype) ** 2) / (2 * SIGMA**2))
    return torch.where(distance <= reach, weights / total, 0)


def _blur(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Convolve (N, 1, H, W) with the 9x9 Gaussian; the image is padded with zeros.

    The normalised 2-D Gaussian is the product of two normalised 1-D Gaussians,
    the matrices (H, H) and (W, W). Matrix products are faster than a
    convolution of one channel, and PyTorch's defaults do not round them to
    TF32 on a GPU.
    """
    return rows @ x @ columns


def local_contrast_normalize(x: Tensor, floor: str = 'image') -> Tensor:
    """Normalise the local contrast of grey images.

    Computed in float32, or in float64 for float64 images, also under autocast.

    Args:
        x (Tensor): Grey images in [0, 255], any type, of shape
            (B, 1, H, W).
        floor (str): The mean of s is taken over each ``'image'``, or over
            the whole ``'batch'`` as in the 2016 release. With ``'batch'`` a
            result depends on the other images of the batch.

    Returns:
        Tensor: Of shape (B, 1, H, W), centred at 0.5; a black image gives
        0.5 everywhere.

    Raises:
        ValueError: If ``x`` is not a batch of grey images, or ``floor`` is
            unknown.
    """
    if x.ndim != 4 or x.shape[1] != 1:
        raise ValueError(
            f'LCN takes grey images (B, 1, H, W), not {tuple(x.shape)}; '
            'load them with rcn_mmpose.LoadGreyImage.'
        )
    if floor not in FLOORS:
        raise ValueError(f'floor={floor!r}; choose one of {FLOORS}.')
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        # Made in each call: cached matrices would not survive an export.
        height, width = x.shape[-2:]
        rows = _blur_matrix(height, x)
        columns = rows if width == height else _blur_matrix(width, x)
        v = x - _blur(x, rows, columns)
        # Not 0: a black image divides by s, and sqrt has no gradient at 0.
        s = _blur(v * v, rows, columns)
        s = s.clamp_min(torch.finfo(v.dtype).tiny).sqrt()
        mean = s.mean((1, 2, 3) if floor == 'image' else None, keepdim=True)
        return (v / torch.maximum(s, mean) + 2.5) / 5
