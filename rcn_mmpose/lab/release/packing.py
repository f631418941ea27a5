"""Turn a training checkpoint into the files of a shipped model."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from ...inference.loading import OnnxPredictor
from ...inference.onnx_export import TOLERANCES, export
from ...inference.parity import Parity, compare
from ...inference.shared_weights import describe_shared, share_weights
from ...inference.torch_predictor import TorchPredictor
from ...io.carried_config import parse_config
from ...io.checkpoint import read_checkpoint, with_carried_calibration
from ...models.pose_estimators.joint_estimator import REFINER
from ...shipped.catalogue import describe_file
from ...version import __version__

# Config keys that prediction, the inferencer of MMPose and tools/test.py need.
KEPT = (
    'codec',
    'custom_imports',
    'data_mode',
    'data_root',
    'dataset_type',
    'default_hooks',
    'default_scope',
    'env_cfg',
    'log_level',
    'log_processor',
    'model',
    'test_cfg',
    'test_dataloader',
    'test_evaluator',
    'vis_backends',
    'visualizer',
)
NOTED = ('epoch', 'seed', 'time', 'mmengine_version')  # kept keys of meta
# Limit of the 99th percentile of the keypoint shift by 16-bit weights, in pixels
# of the crop. Single keypoints move further if two modes are equally probable.
MOST_MOVED = 0.5


class TrainedNetwork(NamedTuple):
    """Weights and metadata of a training checkpoint.

    Attributes:
        weights: Weights by name. If the training averaged weights, these are the
            averaged weights: EMAHook of MMEngine saves averaged weights in
            ``state_dict`` and the weights of the optimiser in
            ``ema_state_dict``.
        meta: Metadata of the checkpoint.
    """

    weights: dict[str, Tensor]
    meta: dict


def read_trained_network(checkpoint: str | os.PathLike) -> TrainedNetwork:
    """Read weights and metadata of a checkpoint of tools/train.py.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        ValueError: If the weights or the metadata of the dataset are missing.
    """
    path = os.fspath(checkpoint)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'checkpoint {path!r} does not exist.')
    weights, meta = read_checkpoint(path)
    if 'dataset_meta' not in meta:
        raise ValueError(
            f'{path!r} has no state_dict or no meta.dataset_meta; give a '
            'checkpoint as tools/train.py writes it.'
        )
    return TrainedNetwork(weights, meta)


def add_denoiser(network: TrainedNetwork, denoiser: TrainedNetwork) -> TrainedNetwork:
    """Add the weights of a denoiser to those of a network."""
    added = {f'{REFINER}{name}': w for name, w in denoiser.weights.items()}
    return TrainedNetwork({**network.weights, **added}, network.meta)


def shipped_config(config: Config, training: TrainedNetwork) -> Config:
    """Return the part of a config that a shipped checkpoint carries.

    The result includes the calibration that ``tools/calibrate.py`` wrote into the
    checkpoint.

    Raises:
        ValueError: If the config has a path of this machine.
    """
    kept = {name: config[name] for name in KEPT if name in config}
    kept = Config(kept).to_dict()
    kept['model'].pop('refiner_checkpoint', None)
    model = with_carried_calibration(kept['model'], training.meta)
    kept['model'] = model
    check_no_local_path(kept)
    return Config(kept)


def check_no_local_path(content: Mapping) -> None:
    """Raise a ValueError if a text of the content has a path of this machine."""
    homes = [os.path.expanduser('~'), os.getcwd()]
    homes = [home for home in homes if len(home) > 1]
    for name, text in _leaves(content):
        if isinstance(text, str) and (
            text.startswith(('/', '~')) or any(home in text for home in homes)
        ):
            raise ValueError(
                f'{name}={text!r:.200} is a path of this machine; it must '
                'not ship. Change it in the config.'
            )


def config_differences(config: Config, training: TrainedNetwork) -> list[str]:
    """List differences between the training config and the shipped config.

    Losses and the training pipeline are not compared.
    """
    trained = parse_config(training.meta['cfg'])['model']
    found = []
    for part in ('backbone', 'neck', 'head'):
        its, ours = (
            dict(_leaves(model.get(part) or {}, part))
            for model in (trained, config.model)
        )
        for name in sorted(its.keys() | ours.keys()):
            if '.loss.' not in name and its.get(name) != ours.get(name):
                found.append(
                    f'{name}: {its.get(name)!r} in the training, '
                    f'{ours.get(name)!r} in the config'
                )
    return found


def half_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round kernels to float16; biases and scalars stay float32.

    Raises:
        ValueError: If a weight is not finite, before or after rounding.
    """
    rounded = {}
    for name, weight in weights.items():
        weight = weight.detach().contiguous()
        if weight.is_floating_point():
            weight = weight.half() if weight.ndim > 1 else weight.float()
            if not weight.isfinite().all():
                raise ValueError(
                    f'{name} is not finite in 16 bits, whose largest number '
                    'is 65,504; train again.'
                )
        rounded[name] = weight
    return rounded


def write_checkpoint(path: Path, training: TrainedNetwork, config: Config) -> None:
    """Write the checkpoint of a shipped model.

    The checkpoint holds tensors and plain values only, so
    ``torch.load(path, weights_only=True)`` reads it without an allow-list.

    Args:
        path (Path): The ``.pth`` file.
        training (TrainedNetwork): Weights, of any precision, and meta.
        config (Config): See :func:`~rcn_mmpose.lab.release.packing.shipped_config`.
    """
    known = training.meta
    meta = {name: known[name] for name in NOTED if name in known}
    meta.update(
        name=path.stem,
        rcn_mmpose_version=__version__,
        cfg=config.pretty_text,
        dataset_meta=plain_values(known['dataset_meta']),
    )
    check_no_local_path(dict(meta, cfg=''))
    torch.save(dict(meta=meta, state_dict=half_weights(training.weights)), path)


def write_config(path: Path, config: Config) -> None:
    """Write the config of a shipped checkpoint to a separate file."""
    path.write_text(
        f'"""Config of the model {path.stem!r}; tools/release/ship.py wrote it."""\n'
        f'# ruff: noqa\n# fmt: off\n\n{config.pretty_text}'
    )


def plain_values(value: Any) -> Any:
    """Convert NumPy arrays and numbers to lists and Python numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain_values(item) for item in value)
    return value


def write_onnx(
    predictor: TorchPredictor, checkpoint: Path, crops: np.ndarray
) -> Parity:
    """Write the .onnx and the .json of a checkpoint into the same folder.

    Args:
        predictor (TorchPredictor): Loaded from the checkpoint.
        checkpoint (Path): The checkpoint, whose weights the .onnx shares.
        crops (np.ndarray): Faces for the comparison, uint8 (N, H, W).

    Returns:
        Parity: Differences between ONNX Runtime and PyTorch on these faces.

    Raises:
        rcn_mmpose.inference.onnx_export.ParityError: If the exported model
            differs too much.
        ValueError: If the model with shared weights differs too much.
    """
    path = checkpoint.with_suffix('.onnx')
    export(predictor, path, crops)
    path.write_bytes(share_weights(path, predictor.network, checkpoint))
    description = describe_shared(
        path,
        describe_file(path)['sha256'],
        checkpoint.name,
        describe_file(checkpoint)['sha256'],
    )
    path.with_suffix('.json').write_bytes(description)
    parity = compare(predictor, crops, OnnxPredictor(path).predict_crops(crops))
    if any(getattr(parity, name) > most for name, most in TOLERANCES.items()):
        raise ValueError(
            f'with the weights of {checkpoint.name!r} ONNX Runtime differs '
            f'from PyTorch: {parity}; {TOLERANCES} are allowed.'
        )
    return parity


def compare_halved(
    full: TorchPredictor, half: TorchPredictor, crops: np.ndarray
) -> dict[str, Any]:
    """Measure the effect of 16-bit weights on keypoints and confidence.

    Args:
        full (TorchPredictor): The model with the weights of the training.
        half (TorchPredictor): The model with 16-bit weights.
        crops (np.ndarray): Faces, uint8 (N, H, W).

    Returns:
        dict: ``faces``, the number of faces; ``median``, ``percentile_99`` and
        ``largest``, the shift of the keypoints in pixels of the crop;
        ``confidence``, the largest change of the confidence.

    Raises:
        ValueError: If the 99th percentile is above ``MOST_MOVED``.
    """
    before, after = full.predict_crops(crops), half.predict_crops(crops)
    moved = np.linalg.norm(before[0] - after[0], axis=-1)
    median, most = np.percentile(moved, (50, 99))
    if not most <= MOST_MOVED:
        raise ValueError(
            f'in 16 bits one of 100 keypoints moves by {most:.3f} pixels of '
            f'the crop or more; up to {MOST_MOVED} are allowed. Train with '
            'smaller weights (weight decay), or compare by faces of the '
            "model's kind."
        )
    return dict(
        faces=len(crops),
        median=_short(median),
        percentile_99=_short(most),
        largest=_short(moved.max()),
        confidence=_short(np.abs(before[1] - after[1]).max()),
    )


def size_in_wheel(paths: list[Path]) -> int:
    """Estimate the size of files in a wheel, which is a zip, in bytes."""
    return sum(len(zlib.compress(path.read_bytes())) for path in paths)


def _short(value: float) -> float:
    """Round to two significant digits."""
    return float(f'{value:.2g}')


def _leaves(value: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    """Yield all leaf values with the path of keys to each of them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f'{name}.{key}'.lstrip('.'))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _leaves(item, f'{name}[{i}]')
    else:
        yield name, value
