"""The description of a model: how it crops images, and its keypoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from ..geometry.boxes import BOX_RULES, box_from_box

FORMAT = 1  # of the json file of an exported model


@dataclass(frozen=True)
class ModelInfo:
    """How a model crops images, and what its K keypoints are.

    Attributes:
        input_size: Width and height of the crops, which are equal.
        keypoints: Names of the keypoints, in their order.
        box_rule: How a box becomes the square that is cropped, as the
            arguments of ``rcn_mmpose.FaceBox``: ``rule`` ``'given'`` (the
            square around the centre of the box, with its longer side) or
            ``'detection'`` with ``scale`` and ``shift``.
        radius: Radius of the confidence in pixels of the crop: the confidence
            is the probability within this distance.
        calibration: ``temperature`` and ``covariance_scale``, see
            :class:`~rcn_mmpose.codecs.calibration.Calibration`; None if
            confidence and covariance are uncalibrated. The network applies
            the calibration; the values here are for information.
        name: Name of the model.
        versions: Versions of the packages that wrote the model.

    Raises:
        ValueError: If a value is not allowed.
    """

    input_size: tuple[int, int]
    keypoints: tuple[str, ...]
    box_rule: Mapping = field(default_factory=lambda: dict(rule='given'))
    radius: float = 3.0
    calibration: Mapping | None = None
    name: str = ''
    versions: Mapping = field(default_factory=dict)

    def __post_init__(self) -> None:
        width, height = self.input_size
        if width != height or width < 1:
            raise ValueError(f'input_size={tuple(self.input_size)}; crops are square.')
        options = dict(self.box_rule)
        known = BOX_RULES.get(options.pop('rule', None))
        if (
            known is None
            or known.source != 'box'
            or not set(options) <= set(known.options)
        ):
            raise ValueError(
                f'box_rule={dict(self.box_rule)} does not make a square of a '
                'box alone; give load_model(..., box_rule=...) '
                "dict(rule='given'), or dict(rule='detection') with scale "
                "and shift for a face detector's boxes."
            )

    def square(self, box: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the square that is cropped, as ``rcn_mmpose.FaceBox`` does.

        Both compute in float32, so that equal boxes give equal crops.

        Args:
            box (np.ndarray): (x1, y1, x2, y2) in pixels, of shape (4,).

        Returns:
            tuple: The centre (x, y), float32 of shape (2,), and the side in
            pixels, a float32 number.

        Raises:
            ValueError: If the box is empty or not finite.
        """
        options = dict(self.box_rule)
        box = box_from_box(options.pop('rule'), box.astype(np.float32), **options)
        centre = ((box[:2] + box[2:]) / 2).astype(np.float32)
        return centre, float(np.float32((box[2:] - box[:2]).max()))

    def to_json(self, **more: object) -> str:
        """Return the content of the json file of an exported model.

        Args:
            **more (object): Further entries, such as ``sha256``.
        """
        content = dict(format=FORMAT, **asdict(self), **more)
        return json.dumps(content, indent=2, ensure_ascii=False) + '\n'

    @classmethod
    def from_json(cls, text: str) -> ModelInfo:
        """Read the json file of an exported model; ignore unknown entries.

        Raises:
            ValueError: If the text is not a description of a model.
        """
        try:
            content = json.loads(text)
            if content['format'] > FORMAT:
                raise ValueError(f'format {content["format"]}')
            known = {f.name for f in fields(cls)} & set(content)
            values = {name: content[name] for name in known}
            values['input_size'] = tuple(values['input_size'])
            values['keypoints'] = tuple(values['keypoints'])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'this is no description of a model that version {FORMAT} '
                f'of its format has ({error}); export the model again, or '
                'install a newer rcn_mmpose.'
            ) from error
        return cls(**values)
