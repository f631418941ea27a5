"""Load a trained model of MMPose from its checkpoint, for prediction.

The functions import PyTorch and MMPose when they are called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..environment.processes import in_own_thread, registries
from ..geometry.keypoints import KNOWN_LINES
from ..geometry.training_boxes import training_boxes_of
from ..shipped.catalogue import describe_file
from .loading import ModelInfo

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn

    from .torch_predictor import TorchPredictor

CROP, BOX = 'rcn_mmpose.CropFace', 'rcn_mmpose.FaceBox'


def load_torch_predictor(
    config: str | os.PathLike | Config | None,
    checkpoint: str | os.PathLike,
    box_rule: Mapping | None = None,
    **options: Any,
) -> TorchPredictor:
    """Load a checkpoint into a predictor.

    A thread of its own loads the model, so that the calling process may fork, see
    :mod:`rcn_mmpose.environment.processes`.

    Args:
        config: See :func:`load_estimator`.
        checkpoint: See :func:`load_estimator`.
        box_rule (dict, optional): See :func:`load_estimator`.
        **options (Any): Options of
            :class:`~rcn_mmpose.inference.torch_predictor.TorchPredictor`.
    """
    from .. import compat

    compat.activate()
    from .torch_predictor import TorchPredictor

    def load() -> TorchPredictor:
        with registries():
            model, info, flip_indices = load_estimator(config, checkpoint, box_rule)
        return TorchPredictor(model, info, flip_indices=flip_indices, **options)

    # Before the file is loaded: if it changes meanwhile, copies are refused.
    file = Path(checkpoint)
    record = describe_file(file) if file.is_file() else {}
    predictor = in_own_thread(load)
    predictor.remember(config, checkpoint, record)
    return predictor


def load_estimator(
    config: str | os.PathLike | Config | None,
    checkpoint: str | os.PathLike,
    box_rule: Mapping | None = None,
) -> tuple[nn.Module, ModelInfo, list[int] | None]:
    """Build a model and load its weights.

    Args:
        config: The config, or None for the config in the checkpoint.
        checkpoint: The weights. Only tensors and plain types are unpickled.
            The checkpoint has to hold every weight of the model.
        box_rule (dict, optional): See
            :func:`rcn_mmpose.inference.loading.load_model`.

    Returns:
        tuple: The model, its description, and the indices of the keypoints
        in a mirrored image, if known.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        ValueError: If the checkpoint cannot be read, contains no config, or
            does not fit the config.
    """
    from .. import compat

    compat.activate()
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from ..io.carried_config import (
        carried_config,
        carried_dataset_meta,
        parse_config,
    )
    from ..io.checkpoint import read_checkpoint, with_carried_calibration

    checkpoint = os.fspath(checkpoint)
    if not os.path.isfile(checkpoint):
        raise FileNotFoundError(
            f'checkpoint {checkpoint!r} does not exist; training writes them '
            'to work_dirs/<config name>/.'
        )
    weights, meta = read_checkpoint(checkpoint)
    parsed: Any = config
    if config is None:
        if 'cfg' not in meta:
            raise ValueError(
                f'checkpoint {checkpoint!r} carries no config; give the config too: '
                'load_model(CONFIG, CHECKPOINT).'
            )
        parsed = Config(carried_config(parse_config(meta['cfg'])))
    elif not isinstance(config, Config):
        parsed = Config.fromfile(config)
    init_default_scope(parsed.get('default_scope', 'mmpose'))
    parts = with_carried_calibration(parsed.model, meta)
    parts = {**parts, 'train_cfg': None}
    if config is None:
        _check_size(parts, weights, checkpoint)
    model = MODELS.build(parts)
    _load(model, weights, checkpoint)
    dataset_meta = carried_dataset_meta(meta, model.head.out_channels)
    if not dataset_meta and config is not None:
        dataset_meta = _dataset_meta(parsed)
    boxes = training_boxes_of(meta.get('dataset_meta') or dataset_meta)
    if _crop_options(parsed, model, None)['box_rule'] != dict(rule='given'):
        boxes = {}  # the training did not crop the annotated boxes
    names = _keypoint_names(dataset_meta, model.head.out_channels)
    info = ModelInfo(
        keypoints=names,
        lines=_own_lines(dataset_meta, names),
        radius=float(model.head.decoder.score_radius),
        calibration=_calibration(model),
        name=Path(checkpoint).stem,
        licence=_licence(parsed, meta),
        training_boxes=boxes,
        lost=(meta.get('dataset_meta') or {}).get('lost'),
        **_crop_options(parsed, model, box_rule),
    )
    return model, info, dataset_meta.get('flip_indices')


def _check_size(parts: Mapping, weights: Mapping, checkpoint: str) -> None:
    """Check that a carried config and the weights belong together.

    The model is built without memory for its weights: a malicious config could
    describe a model that fills the memory.

    Raises:
        ValueError: If they do not, or if the config makes no model.
    """
    import torch
    from mmpose.registry import MODELS

    try:
        with torch.device('meta'):
            model = MODELS.build(parts)
    except Exception as error:  # a part may raise anything for odd arguments
        raise ValueError(
            f'the config in checkpoint {checkpoint!r} does not make a model '
            f'({str(error):.200}); give the config of its training.'
        ) from error
    _load(model, weights, checkpoint, assign=True)


def _load(
    model: nn.Module, weights: Mapping, checkpoint: str, assign: bool = False
) -> None:
    """Load the weights into a model.

    Raises:
        ValueError: If a weight is missing, unknown, or has another shape.
    """
    try:
        model.load_state_dict(weights, assign=assign)
    except RuntimeError as error:
        faults = [line.strip() for line in str(error).splitlines()[1:3]]
        raise ValueError(
            f'checkpoint {checkpoint!r} belongs to another architecture: '
            f'{" ".join(faults)[:400]} Give the config of its training.'
        ) from error


def _calibration(model: Any) -> dict[str, float] | None:
    """Return the calibration of confidence and covariance, or None."""
    found = getattr(model.head.decoder, 'calibration', None)
    return found and dict(vars(found))


def _licence(config: Config, meta: Mapping) -> str:
    """Return the licence of the weights by the config, or by the checkpoint's."""
    from ..io.carried_config import parse_config

    if config.get('licence'):
        return str(config.licence)
    try:
        return str(parse_config(meta['cfg']).get('licence', ''))
    except (KeyError, ValueError):  # there is no config, or it cannot be read
        return ''


def _dataset_meta(config: Config) -> dict:
    """Return the description of the keypoints by the config's dataset."""
    from mmpose.apis.inference import dataset_meta_from_config

    for mode in ('test', 'val', 'train'):
        if config.get(f'{mode}_dataloader'):
            return dataset_meta_from_config(config, mode) or {}
    return {}


def _keypoint_names(dataset_meta: Mapping, count: int) -> tuple[str, ...]:
    """Return the names of the keypoints, or numbers if the names are unknown."""
    names = dataset_meta.get('keypoint_id2name', {})
    if len(names) != count:
        return tuple(f'kpt-{i}' for i in range(count))
    return tuple(names[i] for i in range(count))


def _own_lines(
    dataset_meta: Mapping, names: tuple[str, ...]
) -> tuple[tuple[int, int], ...]:
    """Return the pairs of keypoints to join, if they do not follow from the names."""
    if names in KNOWN_LINES or not dataset_meta.get('keypoint_id2name'):
        return ()
    return tuple((a, b) for a, b in dataset_meta.get('skeleton_links', ()))


def _crop_options(
    config: Config, model: Any, box_rule: Mapping | None
) -> dict[str, Any]:
    """Return the input size and the box rule of the test pipeline."""
    data = config.get('test_dataloader') or config.get('val_dataloader') or {}
    steps = data.get('dataset', {}).get('pipeline', ())
    by_type = {step['type']: dict(step) for step in steps}
    decoder = model.head.decoder
    size = tuple(n * decoder.stride for n in decoder.heatmap_size)
    if steps and tuple(by_type.get(CROP, {}).get('input_size', ())) != size:
        raise ValueError(
            f'the test pipeline does not crop by {CROP} to '
            f"{size[0]}x{size[1]} pixels, the size of the model's decoder; its "
            f'steps are {list(by_type)}. The predictor knows no other crop.'
        )
    rule = by_type.get(BOX, {})
    rule.pop('type', None)
    rule.setdefault('rule', 'given')
    return dict(input_size=size, box_rule=dict(box_rule or rule))
