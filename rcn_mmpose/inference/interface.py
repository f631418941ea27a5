"""The interface of an exported model: input, outputs and the way from image to crop.

:func:`interface` describes in numbers and words what a program without this
package has to do. The export writes it into the json file and into the metadata of
the .onnx. ``docs/export.md`` has a reference in plain NumPy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .loading import INPUT, OUTPUTS, ModelInfo


def interface(info: ModelInfo) -> dict[str, Any]:
    """Describe input, outputs and preprocessing of a model."""
    width, height = info.input_size
    count = len(info.keypoints)
    shapes = ([count, 2], [count], [count, 2, 2])
    units = (
        '(x, y) in pixels of the crop; (0, 0) is the centre of its top-left pixel',
        f'probability that the error is below {info.radius:g} pixels of the crop',
        'covariance of (x, y) in squared pixels of the crop',
    )
    return dict(
        input=dict(
            name=INPUT, type='uint8', shape=['faces', height, width], unit='grey values'
        ),
        outputs=[
            dict(name=name, type='float32', shape=['faces', *shape], unit=unit)
            for name, shape, unit in zip(OUTPUTS, shapes, units, strict=True)
        ],
        preprocessing=dict(
            grey=dict(blue=0.114, green=0.587, red=0.299),
            box='(x1, y1, x2, y2) in pixels of the image; the centre of its top-left '
            'pixel is (0, 0)',
            square='centre of the box, with its longer side; with the box_rule '
            '"detection", scale times the longer side, moved right by sideways and '
            'down by shift times it',
            crop_to_image='(x, y) * side / width + centre - side / 2',
            samples='n x n for each pixel of the crop, n = ceil(side / width) up to '
            '64, at (x + (i - (n - 1) / 2) / n), averaged',
            interpolation='bilinear, at multiples of 1/32 pixel',
            border=0,
            normalisation='none: local contrast normalisation is in the graph',
        ),
    )


def write_metadata(path: Path, description: dict[str, Any]) -> None:
    """Write a description into the metadata of an .onnx file, one text for a key."""
    import onnx

    model = onnx.load(str(path))
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in description.items()
    }
    onnx.helper.set_model_props(model, texts)
    onnx.save(model, str(path))
