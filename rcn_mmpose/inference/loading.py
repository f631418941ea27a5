"""Load a model for prediction, by its name or its files.

:func:`load_model` returns a predictor, :class:`ModelInfo` describes the model.
:class:`OnnxPredictor` needs NumPy, OpenCV and onnxruntime only;
:mod:`rcn_mmpose.inference.estimator` needs PyTorch and MMPose.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..environment.processes import SESSIONS
from ..geometry.boxes import BOX_RULES, box_from_box, check_training_boxes
from ..geometry.keypoints import TODAYS_NAMES
from ..geometry.training_boxes import BOXES_BY_NAMES
from ..image.crop import Prediction
from ..shipped.catalogue import (
    CHECKPOINTS,
    FOLDER,
    RUNTIMES,
    check_described,
    describe_file,
    find_model,
    terms_of,
)
from .by_path import TravelsByPath
from .foreign_onnx import check_foreign
from .predictor import Detector, Predictor
from .second_pass import SecondPass

if TYPE_CHECKING:
    from mmengine.config import Config

# Names in the graph of an exported model.
INPUT = 'crops'
OUTPUTS = ('keypoints', 'confidence', 'covariance')
FORMAT = 1  # of the json file of an exported model


def load_model(
    model: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None = None,
    *,
    precision: str = 'fp32',
    batch_size: int | None = None,
    device: str = 'cpu',
    box_rule: Mapping | None = None,
    detector: Detector | str | None = None,
    passes: int = 1,
    second_pass: SecondPass | None = None,
    runtime: str | None = None,
) -> Predictor:
    """Load a model that predicts.

    Args:
        model: The name of a shipped model; a checkpoint (``.pth``) that
            contains its config, as ``tools/train.py`` writes it; a config,
            by its file or an ``mmengine.Config``, together with
            ``checkpoint``; or a model exported to ``.onnx``.
        checkpoint: Weights for a config.
        precision (str): ``'fp32'`` or ``'bf16'``. An exported model has its
            own precision.
        batch_size (int, optional): Faces in a batch of the network. The
            default fits the cache of a CPU; give more for a GPU.
        device (str): Where the network runs: ``'cpu'``, or a device as
            PyTorch names it. An exported model runs on the CPU.
        box_rule (dict, optional): How a box becomes the square that is
            cropped: the arguments of ``rcn_mmpose.FaceBox``. Defaults to the
            rule of the config's test pipeline. ``dict(rule='detection')``
            suits boxes of a face detector.
        detector (Callable | str, optional): Finds faces if no boxes are
            given, see :class:`~rcn_mmpose.inference.predictor.Predictor`.
            Or ``'auto'`` (YuNet, else the cascade), ``'yunet'``, ``'haar'``,
            ``'none'``, see :func:`~rcn_mmpose.detect.yunet.choose_detector`.
        passes (int): With 2, each face is predicted again from an upright
            crop around its first keypoints, and both predictions are merged.
            Defaults to 1.
        second_pass (SecondPass, optional): How the second crop follows from
            the keypoints, see :mod:`rcn_mmpose.inference.second_pass`. Known
            for MTFL's five keypoints and 300W's 68.
        runtime (str, optional): Runtime of a model given by name:
            ``'torch'``, which needs MMPose, or ``'onnx'``. Both predict the
            same. The default is ``'onnx'``, which loads faster, if
            onnxruntime is installed and neither ``precision`` nor ``device``
            needs PyTorch.

    Returns:
        Predictor: Called with images and boxes.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a value is not allowed, or the checkpoint does not fit
            the config.
    """
    if runtime not in (None, *RUNTIMES):
        raise ValueError(
            f"runtime={runtime!r}; give 'torch' or 'onnx', or leave it out."
        )
    name = detector if isinstance(detector, str) else 'none'
    if name != 'none' and box_rule is not None:
        raise ValueError(
            f'detector={name!r}, box_rule={box_rule}; the detector has its own rule.'
        )
    needs_torch = (precision, device) != ('fp32', 'cpu')
    path = ''
    if isinstance(model, (str, os.PathLike)):
        path = find_model(model, runtime or ('torch' if needs_torch else None))
    actual = 'onnx' if path.endswith('.onnx') else 'torch'
    if runtime not in (None, actual):
        raise ValueError(
            f'runtime={runtime!r} does not run {str(model)!r}; leave out '
            'runtime, which is for models given by name.'
        )
    options: dict[str, Any] = dict(
        batch_size=batch_size,
        detector=None if isinstance(detector, str) else detector,
        passes=passes,
        second_pass=second_pass,
    )
    predictor: Predictor
    if actual == 'onnx':
        if checkpoint is not None or needs_torch:
            raise ValueError(
                f'{path!r} is an exported model: the file sets weights and '
                'precision, and the model runs on the CPU. Leave out '
                'checkpoint, precision and device.'
            )
        predictor = OnnxPredictor(path, box_rule=box_rule, **options)
    else:
        config = None if path.endswith(CHECKPOINTS) else path or model
        weights = path if config is None else checkpoint
        if weights is None or (config is None) != (checkpoint is None):
            raise ValueError(
                f'model={str(model)!r}, checkpoint={checkpoint!r}; give a config '
                'and a checkpoint, or a checkpoint (.pth) alone, or a model '
                'exported to .onnx.'
            )
        from .estimator import load_torch_predictor

        predictor = load_torch_predictor(
            config, weights, box_rule, precision=precision, device=device, **options
        )
    if not predictor.info.licence:  # Older files of shipped models state none.
        licence = terms_of(checkpoint or path)
        predictor.info = replace(predictor.info, licence=licence)
    if name != 'none':
        from ..detect.yunet import choose_detector

        return predictor.with_detector(choose_detector(name, predictor))
    return predictor


@dataclass(frozen=True)
class ModelInfo:
    """Description of a model: its crops, its K keypoints, its confidence.

    Attributes:
        input_size: Width and height of the crops, which are equal.
        keypoints: Names of the keypoints, in their order. The names ``kpt-0`` to
            ``kpt-67`` of older models become today's names of 300W's 68.
        box_rule: How a box becomes the square that is cropped, as arguments of
            ``rcn_mmpose.FaceBox``: ``rule`` ``'given'`` (the square around the
            box's centre, with its longer side), or ``'detection'`` with options.
        radius: The confidence is the probability within this distance, in pixels
            of the crop.
        calibration: ``temperature`` and ``covariance_scale``, which the network
            applies, see :class:`~rcn_mmpose.codecs.calibration.Calibration`; None
            if confidence and covariance are uncalibrated.
        name: Name of the model.
        versions: Versions of the packages that wrote the model.
        licence: Licence of the weights; empty if it is not stated.
        lines: Pairs of keypoints (from 0) that a drawing joins; may be empty.
        training_boxes: See :mod:`rcn_mmpose.geometry.training_boxes`; may be empty.
        lost: Mean confidence below which a tracked face is lost; None if unknown.

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
    licence: str = ''
    lines: tuple[tuple[int, int], ...] = ()
    training_boxes: Mapping[str, Mapping] = field(default_factory=dict)
    lost: float | None = None

    def __post_init__(self) -> None:
        names = tuple(self.keypoints)
        object.__setattr__(self, 'keypoints', TODAYS_NAMES.get(names, names))
        object.__setattr__(self, 'lines', tuple((a, b) for a, b in self.lines))
        if not all(i in range(len(names)) for line in self.lines for i in line):
            raise ValueError(
                f'lines={self.lines!r:.200}; give pairs of the {len(names)} '
                'keypoints, counted from 0.'
            )
        check_training_boxes(self.training_boxes)
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
    def from_json(cls, text: str, file: str = 'the json file') -> ModelInfo:
        """Read the json of an exported model; errors name its file.

        Raises:
            ValueError: If the text does not describe a model. It may have more entries.
        """
        try:
            content = json.loads(text)
            if content['format'] > FORMAT:
                raise ValueError(f'format {content["format"]}')
            values = {f.name: content[f.name] for f in fields(cls) if f.name in content}
            values['input_size'] = tuple(values['input_size'])
            names = values['keypoints'] = tuple(values['keypoints'])
            values.setdefault('training_boxes', BOXES_BY_NAMES.get(names, {}))
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{file} does not describe a model in version {FORMAT} of '
                f'the format ({error}); export the model again, or install '
                'a newer rcn_mmpose.'
            ) from error


class OnnxPredictor(TravelsByPath):
    """Find keypoints with an exported model, by ONNX Runtime.

    Args:
        path: The ``.onnx`` that
            :func:`rcn_mmpose.inference.onnx_export.export` wrote; its
            ``.json`` is in the same folder.
        box_rule (dict, optional): Replaces the rule of the ``.json``, see
            :class:`~rcn_mmpose.inference.loading.ModelInfo`.
        batch_size (int, optional): Faces in a batch of the network. Defaults
            to 8.
        threads (int): Threads of ONNX Runtime; 0 for one per core.
        **options (Any): Options of
            :class:`~rcn_mmpose.inference.predictor.Predictor`.

    Raises:
        FileNotFoundError: If one of the two files does not exist.
        ImportError: If onnxruntime is not installed.
        ValueError: If the files do not belong together, or are not a model of
            this package.
    """

    opened = 'session'

    def __init__(
        self,
        path: str | os.PathLike,
        box_rule: Mapping | None = None,
        batch_size: int | None = None,
        threads: int = 0,
        **options: Any,
    ) -> None:
        path = Path(path)
        info = read_description(path)
        if box_rule is not None:
            info = replace(info, box_rule=dict(box_rule))
        super().__init__(info, 8 if batch_size is None else batch_size, **options)
        self.threads = threads
        self.path = os.path.abspath(path)
        self.record = describe_file(path)
        self._open()

    def _open(self) -> None:
        """Open the file in this process."""
        self.session = open_session(Path(self.path), self.threads)
        self.process = os.getpid()

    def _run(self, crops: np.ndarray) -> Prediction:
        """Predict a batch."""
        if self.process != os.getpid():  # forked, without the session's threads
            self._open_again()
        keypoints, confidence, covariance = self.session.run(OUTPUTS, {INPUT: crops})
        return keypoints, confidence, covariance


def description_of(path: Path) -> Path:
    """Return the path of the json file of an exported model."""
    return path.with_suffix('.json')


def read_description(path: Path) -> ModelInfo:
    """Read the json file of an exported model and check the files by it.

    Raises:
        FileNotFoundError: If one of the files does not exist.
        ValueError: If the files do not belong together.
    """
    description = description_of(path)
    for file in (path, description):
        if not file.is_file():
            raise FileNotFoundError(
                f'{str(file)!r} does not exist; an exported model is two '
                'files, .onnx and .json.'
            )
    if path.resolve().parent != FOLDER:  # the index vouches for files that ship
        check_foreign(path, description)
    text = description.read_text(encoding='utf-8')
    info = ModelInfo.from_json(text, repr(str(description)))
    content = json.loads(text)
    check_described(path, content.get('sha256'), description)
    weights = content.get('weights')  # Written by shared_weights.py.
    if isinstance(weights, dict):
        file = path.with_name(str(weights.get('file')))
        check_described(file, weights.get('sha256'), description)
    return info


def open_session(path: Path, threads: int = 0) -> Any:
    """Open a model with ONNX Runtime, on the CPU.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If onnxruntime cannot read the file, or the inputs and
            outputs differ from those of this package's models.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            'onnxruntime is not installed; pip install onnxruntime, or load '
            'the checkpoint (.pth) in place of the .onnx.'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # Errors only.
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # onnxruntime's errors have no common base class
        raise ValueError(
            f'{str(path)!r} cannot be read by onnxruntime '
            f'{onnxruntime.__version__}: {error}'
        ) from error
    SESSIONS.add(session)
    names = [x.name for x in (*session.get_inputs(), *session.get_outputs())]
    if names != [INPUT, *OUTPUTS]:
        raise ValueError(
            f'{str(path)!r} has inputs and outputs {names}; models of '
            f'rcn_mmpose have {[INPUT, *OUTPUTS]}.'
        )
    return session
