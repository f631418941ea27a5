"""From a name or a file to a predictor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..shipped.catalogue import RUNTIMES, shipped_file
from .model_info import ModelInfo
from .predictor import Detector, Predictor
from .second_pass import SecondPass

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

CHECKPOINTS = ('.pth', '.pt')
CONFIGS = ('.py', '.yml', '.yaml', '.json')
CROP, BOX = 'rcn_mmpose.CropFace', 'rcn_mmpose.FaceBox'


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
        model: A checkpoint (``.pth``) that carries its config, as those of
            ``tools/train.py`` do; or a config, by its file or an
            ``mmengine.Config``, that goes with ``checkpoint``; or a model
            exported to ``.onnx``; or the name of a model that ships with the
            package.
        checkpoint: Weights to go with a config.
        precision (str): ``'fp32'`` or ``'bf16'``; an exported model has its
            own.
        batch_size (int, optional): Faces that go through the network at once.
            Defaults to what suits the cache of a CPU; for a GPU give more.
        device (str): Where the network runs: ``'cpu'`` or as PyTorch names
            it. An exported model runs on the CPU.
        box_rule (dict, optional): From a box to the square that is cropped:
            the arguments of ``rcn_mmpose.FaceBox``. By default those of the
            config's test pipeline; ``dict(rule='detection')`` suits boxes of
            a face detector.
        detector (Callable | str, optional): Finds faces where no boxes are
            given, see :class:`~.predictor.Predictor`; ``'haar'`` is the one
            that OpenCV ships, see :mod:`rcn_mmpose.detect`.
        passes (int): 2 to predict each face again from an upright crop that
            follows from the keypoints found first, and to join both. Defaults
            to 1.
        second_pass (SecondPass, optional): How that crop follows, see
            :mod:`~.second_pass`; known for MTFL's five and 300W's 68.
        runtime (str, optional): What computes a model given by its name:
            ``'torch'``, which needs MMPose, or ``'onnx'``. By default the
            latter, if onnxruntime is installed and neither ``precision`` nor
            ``device`` asks for the first: it loads faster and predicts the
            same.

    Returns:
        Predictor: To be called with images and boxes.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a value is not one of the above, or the checkpoint does
            not fit the config.
    """
    if runtime not in (None, *RUNTIMES):
        raise ValueError(
            f"runtime={runtime!r}; give 'torch' or 'onnx', or leave it out."
        )
    if isinstance(detector, str) and (detector, box_rule) != ('haar', None):
        raise ValueError(
            f"detector={detector!r}, box_rule={box_rule}; give 'haar', which "
            'has a rule of its own for boxes, or a function.'
        )
    asks_for_torch = (precision, device) != ('fp32', 'cpu')
    path = ''
    if isinstance(model, (str, os.PathLike)):
        path = find_model(model, runtime or ('torch' if asks_for_torch else None))
    computes = 'onnx' if path.endswith('.onnx') else 'torch'
    if runtime not in (None, computes):
        raise ValueError(
            f'runtime={runtime!r} does not run {str(model)!r}; leave it out, '
            'it is for models given by name.'
        )
    common = dict(
        batch_size=batch_size,
        detector=None if isinstance(detector, str) else detector,
        passes=passes,
        second_pass=second_pass,
    )
    if computes == 'onnx':
        if checkpoint is not None or asks_for_torch:
            raise ValueError(
                f'{path!r} is an exported model: it has its weights and its '
                'precision, and runs on the CPU. Leave out checkpoint, '
                'precision and device.'
            )
        from .onnx_predictor import OnnxPredictor

        predictor = OnnxPredictor(path, box_rule=box_rule, **common)
        return _with_detector(predictor, detector)
    from .torch_predictor import TorchPredictor

    config = None if path.endswith(CHECKPOINTS) else path or model
    weights = path if config is None else checkpoint
    if weights is None or (config is None) != (checkpoint is None):
        raise ValueError(
            f'model={str(model)!r}, checkpoint={checkpoint!r}; give a config '
            'and a checkpoint, or a checkpoint (.pth) alone, or a model '
            'exported to .onnx.'
        )
    estimator, info, flip_indices = load_estimator(config, weights, box_rule)
    predictor = TorchPredictor(
        estimator,
        info,
        precision=precision,
        device=device,
        flip_indices=flip_indices,
        **common,
    )
    return _with_detector(predictor, detector)


def _with_detector(predictor: Predictor, detector: Detector | str | None) -> Predictor:
    """Give a predictor the detector that was named."""
    if isinstance(detector, str):
        from ..detect import detect_faces_for

        detect_faces_for(predictor)
    return predictor


def find_model(model: str | os.PathLike, runtime: str | None = None) -> str:
    """Return the file of a model.

    This is the one place that knows the names of models, those of
    :mod:`rcn_mmpose.shipped`.

    Args:
        model: A file, or a name.
        runtime (str, optional): See :func:`load_model`.

    Raises:
        FileNotFoundError: If it is neither.
    """
    path = os.fspath(model)
    if os.path.isfile(path):
        return path
    if path.endswith((*CHECKPOINTS, *CONFIGS, '.onnx')):
        raise FileNotFoundError(f'model {path!r} does not exist.')
    return shipped_file(path, runtime)


def load_estimator(
    config: str | Config | None,
    checkpoint: str | os.PathLike,
    box_rule: Mapping | None = None,
) -> tuple[nn.Module, ModelInfo, list[int] | None]:
    """Build a model of MMPose and load its weights, all of which must fit.

    Args:
        config: The config, or None for the one that the checkpoint carries.
        checkpoint: The weights; only tensors and harmless types are loaded.
        box_rule (dict, optional): See :func:`load_model`.

    Returns:
        tuple: The model, what is to be known of it, and the keypoints of a
        mirrored image, if that is known.
    """
    from .. import compat

    compat.activate()
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from ..io.checkpoint import (
        check_parts,
        parse_config,
        read_checkpoint,
        with_carried_calibration,
    )

    checkpoint = os.fspath(checkpoint)
    if not os.path.isfile(checkpoint):
        raise FileNotFoundError(
            f'checkpoint {checkpoint!r} does not exist; training writes them '
            'to work_dirs/<config name>/.'
        )
    weights, meta = read_checkpoint(checkpoint)
    carried = config is None
    if carried:
        if 'cfg' not in meta:
            raise ValueError(
                f'checkpoint {checkpoint!r} carries no config; give it too: '
                'load_model(CONFIG, CHECKPOINT).'
            )
        plain = parse_config(meta['cfg'])
        check_parts(plain)
        config = Config(plain)
    elif not isinstance(config, Config):
        config = Config.fromfile(config)
    init_default_scope(config.get('default_scope', 'mmpose'))
    parts = with_carried_calibration(config.model, meta)
    model = MODELS.build({**parts, 'train_cfg': None})
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        faults = [line.strip() for line in str(error).splitlines()[1:3]]
        raise ValueError(
            f'checkpoint {checkpoint!r} belongs to another architecture: '
            f'{" ".join(faults)[:400]} Give the config it was trained with.'
        ) from error
    described = meta.get('dataset_meta')
    if not described:  # what one carries could name a file to run
        described = {} if carried else _described(config)
    info = ModelInfo(
        keypoints=_keypoint_names(described, model.head.out_channels),
        radius=float(model.head.decoder.score_radius),
        calibration=_calibration(model),
        name=Path(checkpoint).stem,
        **_geometry(config, model, box_rule),
    )
    return model, info, described.get('flip_indices')


def _calibration(model: nn.Module) -> dict[str, float] | None:
    """Return what makes confidence and covariance hold, if that is known."""
    found = getattr(model.head.decoder, 'calibration', None)
    return found and dict(vars(found))


def _described(config: Config) -> dict:
    """Return what the config's dataset says of its keypoints."""
    from mmpose.apis.inference import dataset_meta_from_config

    for mode in ('test', 'val', 'train'):
        if config.get(f'{mode}_dataloader'):
            return dataset_meta_from_config(config, mode) or {}
    return {}


def _keypoint_names(described: Mapping, count: int) -> tuple[str, ...]:
    """Return the names of the keypoints, made up where unknown."""
    names = described.get('keypoint_id2name', {})
    if len(names) != count:
        return tuple(f'kpt-{i}' for i in range(count))
    return tuple(names[i] for i in range(count))


def _geometry(
    config: Config, model: nn.Module, box_rule: Mapping | None
) -> dict[str, Any]:
    """Read off the test pipeline how images become crops."""
    data = config.get('test_dataloader') or config.get('val_dataloader') or {}
    steps = data.get('dataset', {}).get('pipeline', ())
    by_type = {step['type']: dict(step) for step in steps}
    decoder = model.head.decoder
    size = tuple(n * decoder.stride for n in decoder.heatmap_size)
    if steps and tuple(by_type.get(CROP, {}).get('input_size', ())) != size:
        raise ValueError(
            f'the test pipeline does not crop by {CROP} to '
            f"{size[0]}x{size[1]} pixels, as the model's decoder has it; its "
            f'steps are {list(by_type)}. The predictor knows no other crop.'
        )
    rule = by_type.get(BOX, {})
    rule.pop('type', None)
    rule.setdefault('rule', 'given')
    return dict(input_size=size, box_rule=dict(box_rule or rule))
