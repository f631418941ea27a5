"""Benchmark of prediction: the network alone, and from image to keypoints."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor

from ...inference import OnnxPredictor, Predictor, load_model
from .faces import mmpose_config, raw_faces
from .measured_process import Case, ProcessPlan

MODULE = __name__
FACES = 64
LARGE_BATCH = 16  # faces of HRNet's batch: its maps are large


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    device: str,
    checkpoints: list[str],
    exported: list[str],
) -> dict[str, list[ProcessPlan]]:
    """List the compared processes by the title of their table.

    Args:
        configs (list[str]): Configs of the networks.
        threads (list[int]): Numbers of threads.
        folder (str): Folder for synthetic faces.
        device (str): ``'cpu'`` or ``'cuda'``.
        checkpoints (list[str]): Weights, one file per config; empty for
            random weights.
        exported (list[str]): ``.onnx`` files, measured beside the last config.
    """
    found = {}
    weights = checkpoints or [''] * len(configs)
    for config, checkpoint in zip(configs, weights, strict=True):
        faces = dict(config=config, folder=folder)
        files = exported if config == configs[-1] else []
        for count in threads:
            plans = [
                ProcessPlan(
                    f'{MODULE}:set_up_networks',
                    'network alone',
                    dict(config=config, device=device),
                    count,
                )
            ]
            for precision in ('fp32', 'bf16'):
                options = dict(
                    model=config,
                    checkpoint=checkpoint,
                    precision=precision,
                    device=device,
                )
                plans.append(
                    ProcessPlan(
                        f'{MODULE}:set_up_predictor',
                        f'predictor, {precision}',
                        dict(faces, options=options),
                        count,
                    )
                )
            for file in files:
                plans.append(
                    ProcessPlan(
                        f'{MODULE}:set_up_predictor',
                        f'predictor, {os.path.basename(file)}',
                        dict(faces, options=dict(model=file)),
                        count,
                    )
                )
            found[f'{config}, {count} threads'] = plans
    return found


def set_up_networks(config: str, device: str) -> dict[str, Case]:
    """Set up networks with random weights, from crop to score maps.

    All ratios of the table are relative to the first case.
    """
    cfg = Config.fromfile(config)
    size = cfg.codec.input_size[::-1]
    channels_last = _network(cfg.model, device)
    cost = complexity(cfg.model, size)
    cases = {}
    for layout, memory in (
        ('channels_last', torch.channels_last),
        ('NCHW', torch.contiguous_format),
    ):
        for batch in (1, FACES):
            name = f'fp32, {layout}, batch {batch}'
            if memory is torch.channels_last:
                network = channels_last
            else:
                network = _network(cfg.model, device)
            _set_layout(network, memory)
            crops = torch.rand(batch, 1, *size, device=device)
            run = _forward(network, crops, memory)
            cases[name] = Case(run, batch, lambda: cost)
    reference = mmpose_config()
    size = reference.codec.input_size[::-1]
    hrnet = _set_layout(_network(reference.model, device), torch.channels_last)
    hrnet_cost = complexity(reference.model, size)
    for batch in (1, LARGE_BATCH):
        crops = torch.rand(batch, 3, *size, device=device)
        run = _forward(hrnet, crops, torch.channels_last)
        name = f'HRNetV2-W18 of MMPose, 256x256, batch {batch}'
        cases[name] = Case(run, batch, lambda: hrnet_cost)
    return cases


def _network(model: Config, device: str) -> nn.Module:
    """Build a model with random weights; nothing is downloaded."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = dict(model, backbone=dict(model['backbone'], init_cfg=None))
    return MODELS.build(model).to(device).eval()


def _set_layout(network: nn.Module, memory: torch.memory_format) -> nn.Module:
    """Change the memory layout of a network's weights, in place."""
    # PyTorch's stubs lack this overload of nn.Module.to
    return network.to(memory_format=memory)  # type: ignore[call-overload]


def _forward(
    model: nn.Module, crops: Tensor, memory: torch.memory_format
) -> Callable[[], Any]:
    """Return a function that runs the network on the same crops at each call."""
    crops = crops.contiguous(memory_format=memory)

    def run() -> Any:
        with torch.inference_mode():
            return model(crops, None, mode='tensor')

    return run


def complexity(model: Config, size: tuple[int, int]) -> dict[str, float]:
    """Count the operations and parameters from one crop to its score maps.

    Args:
        model (Config): Config of the model.
        size (tuple): Height and width of the crop.

    Returns:
        dict: ``gmacs``, 10^9 multiply-adds, and ``params_m``, 10^6
        parameters.
    """
    # Any: a pose estimator has more attributes than nn.Module declares
    network: Any = _network(model, 'cpu')
    first = next(p for p in network.backbone.parameters() if p.ndim == 4)
    network.forward = network._forward  # without the data preprocessor
    found = get_model_complexity_info(
        network, (first.shape[1], *size), show_arch=False, show_table=False
    )
    return dict(gmacs=found['flops'] / 1e9, params_m=found['params'] / 1e6)


def set_up_predictor(
    config: str, folder: str, options: dict[str, Any]
) -> dict[str, Case]:
    """Set up the whole path from images and boxes to keypoints.

    Args:
        config (str): Config whose faces are used.
        folder (str): Folder for synthetic faces.
        options (dict): Arguments of :func:`rcn_mmpose.load_model`; an empty
            ``checkpoint`` stands for random weights.
    """
    if options['model'].endswith('.onnx'):
        # ONNX Runtime has its own number of threads, independent of PyTorch's.
        model: Predictor = OnnxPredictor(
            options['model'], threads=torch.get_num_threads()
        )
    else:
        checkpoint = options['checkpoint']
        checkpoint = checkpoint or random_checkpoint(options['model'])
        model = load_model(**dict(options, checkpoint=checkpoint))
    faces, name = raw_faces(config, folder, FACES)
    images, boxes = [x.image for x in faces], [x.box for x in faces]
    crops = np.concatenate(
        [model.crop(*face) for face in zip(images, boxes, strict=True)]
    )
    count = len(faces)
    turn = itertools.cycle(zip(images, boxes, strict=True))
    one = itertools.cycle(crops[:, None])
    return {
        'whole path, batch 1': Case(
            lambda: model(*next(turn)), 1, lambda: dict(on=name)
        ),
        f'whole path, batch {count}': Case(lambda: model(images, boxes), count),
        'crop to keypoints, batch 1': Case(lambda: model.predict_crops(next(one)), 1),
        f'crop to keypoints, batch {count}': Case(
            lambda: model.predict_crops(crops), count
        ),
    }


def random_checkpoint(config: str) -> str:
    """Write a checkpoint with random weights; return its path."""
    # Any: a pose estimator has more attributes than nn.Module declares
    model: Any = _network(Config.fromfile(config).model, 'cpu')
    model.init_weights()
    handle, path = tempfile.mkstemp('.pth')
    os.close(handle)
    torch.save(dict(state_dict=model.state_dict()), path)
    return path
