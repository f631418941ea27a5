"""From a training's checkpoint to the files of a model that ships."""

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

from ...inference.onnx_export import TOLERANCES, export
from ...inference.onnx_predictor import OnnxPredictor
from ...inference.parity import Parity, compare
from ...inference.shared_weights import describe_shared, share_weights
from ...inference.torch_predictor import TorchPredictor
from ...io.checkpoint import parse_config, read_checkpoint, with_carried_calibration
from ...models.pose_estimators.joint_estimator import REFINER
from ...shipped.catalogue import describe_file
from ...version import __version__

# What prediction, MMPose's inferencer and tools/test.py need of a config.
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
NOTED = ('epoch', 'seed', 'time', 'mmengine_version')  # of meta
# In 16 bits 99 of 100 keypoints may move so far, in pixels of the crop. Single
# ones jump further, where two modes are equally probable.
MOST_MOVED = 0.5


class Training(NamedTuple):
    """What a training left.

    Attributes:
        weights: By name; the averaged ones if the training averaged, for
            MMEngine's EMAHook swaps them into ``state_dict`` when it saves,
            and those of the optimiser into ``ema_state_dict``.
        meta: What else is known.
    """

    weights: dict[str, Tensor]
    meta: dict


def read_training(checkpoint: str | os.PathLike) -> Training:
    """Read a checkpoint of tools/train.py; optimiser and log are left aside.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it lacks what a shipped model says of itself.
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
    return Training(weights, meta)


def join(network: Training, denoiser: Training) -> Training:
    """Put the weights of a network and its denoiser into one."""
    added = {f'{REFINER}{name}': w for name, w in denoiser.weights.items()}
    return Training({**network.weights, **added}, network.meta)


def carried_config(config: Config, training: Training) -> Config:
    """Return the part of a config that a shipped checkpoint carries.

    The calibration that ``tools/calibrate.py`` put into the checkpoint is
    taken over.

    Raises:
        ValueError: If a path of this machine is in it.
    """
    kept = {name: config[name] for name in KEPT if name in config}
    kept = Config(kept).to_dict()
    kept['model'].pop('refiner_checkpoint', None)
    model = with_carried_calibration(kept['model'], training.meta)
    kept['model'] = model
    refuse_paths(kept)
    return Config(kept)


def refuse_paths(content: Mapping) -> None:
    """Raise a ValueError if any text in it is a path of this machine."""
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


def differences(config: Config, training: Training) -> list[str]:
    """List where a network was trained by another config than it ships with.

    Losses and what happens to images in training are left aside.
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
    """Round kernels to float16; biases and single numbers stay as they are.

    Raises:
        ValueError: If a weight is not finite, before or after.
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


def write_checkpoint(path: Path, training: Training, config: Config) -> None:
    """Write a checkpoint that ships.

    ``torch.load(path, weights_only=True)`` reads it without any allow-list:
    it holds tensors and plain values alone.

    Args:
        path (Path): The ``.pth``.
        training (Training): Weights, of any precision, and meta.
        config (Config): See :func:`carried_config`.
    """
    known = training.meta
    meta = {name: known[name] for name in NOTED if name in known}
    meta.update(
        name=path.stem,
        rcn_mmpose_version=__version__,
        cfg=config.pretty_text,
        dataset_meta=plain(known['dataset_meta']),
    )
    refuse_paths(dict(meta, cfg=''))
    torch.save(dict(meta=meta, state_dict=half_weights(training.weights)), path)


def write_config(path: Path, config: Config) -> None:
    """Write the config that a checkpoint carries as a file of its own."""
    path.write_text(
        f'"""Config of the model {path.stem!r}; tools/release/ship.py wrote it."""\n'
        f'# ruff: noqa\n# fmt: off\n\n{config.pretty_text}'
    )


def plain(value: Any) -> Any:
    """Turn numpy's arrays and numbers into lists and Python's numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


def write_onnx(
    predictor: TorchPredictor, checkpoint: Path, crops: np.ndarray
) -> Parity:
    """Write the .onnx that goes with a checkpoint, and its .json, beside it.

    Args:
        predictor (TorchPredictor): Loaded from the checkpoint.
        checkpoint (Path): With the weights, which the .onnx shares.
        crops (np.ndarray): Faces to compare by, uint8 (N, H, W).

    Returns:
        Parity: By how much ONNX Runtime differs on these faces.

    Raises:
        rcn_mmpose.inference.onnx_export.ParityError: If the model as exported
            differs too much.
        ValueError: If that with the shared weights does.
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
    parity = compare(predictor, crops, OnnxPredictor(path).predict(crops))
    if any(getattr(parity, name) > most for name, most in TOLERANCES.items()):
        raise ValueError(
            f'with the weights of {checkpoint.name!r} ONNX Runtime differs '
            f'from PyTorch: {parity}; {TOLERANCES} are allowed.'
        )
    return parity


def compare_halved(
    full: TorchPredictor, half: TorchPredictor, crops: np.ndarray
) -> dict[str, Any]:
    """Measure what rounding the weights changes.

    Args:
        full (TorchPredictor): With the weights of the training.
        half (TorchPredictor): With those that ship.
        crops (np.ndarray): Faces, uint8 (N, H, W).

    Returns:
        dict: ``faces``; how far their keypoints moved, in pixels of the crop:
        ``median``, ``percentile_99``, ``largest``; the largest change of
        ``confidence``.

    Raises:
        ValueError: If the 99th percentile is above :data:`MOST_MOVED`.
    """
    before, after = full.predict(crops), half.predict(crops)
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
    """Return about how many bytes files take in a wheel, which is a zip."""
    return sum(len(zlib.compress(path.read_bytes())) for path in paths)


def _short(value: float) -> float:
    """Round to two digits that count."""
    return float(f'{value:.2g}')


def _leaves(value: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    """Go through all values that hold no others, with the keys to each."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f'{name}.{key}'.lstrip('.'))
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _leaves(item, f'{name}[{i}]')
    else:
        yield name, value
