"""Benchmark of the denoiser: convolution by spectra and direct convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor

from ...models.one_hot import one_hot_maps
from .measured_process import Case, ProcessPlan

SIDE = 80  # side of maps and crops, in cells
FEW = 3  # turns of a case whose calls take seconds
MODULE = __name__
DENOISER = 'configs/denoiser_300w.py'
NETWORK = 'configs/rcn_300w.py'
# All ratios are relative to the first model, the network alone.
MODELS_COMPARED = (
    NETWORK,
    'configs/joint_300w.py',
    'configs/joint_compact_300w.py',
    DENOISER,
    'configs/denoiser_compact_300w.py',
)


def groups(
    threads: list[int], batch: int, direct_batch: int, device: str
) -> dict[str, list[ProcessPlan]]:
    """List the compared processes by the title of their table.

    Every row has its own process, so that its peak memory can be measured.

    Args:
        threads (list[int]): Numbers of threads.
        batch (int): Faces of a call.
        direct_batch (int): Faces of a call with direct convolution.
        device (str): ``'cpu'`` or ``'cuda'``.
    """
    found = {}
    for count in threads:
        for task in ('forward', 'training step'):
            found[f'{DENOISER}, {task}, {count} threads'] = [
                ProcessPlan(
                    f'{MODULE}:set_up_layers',
                    f'{way}, {faces} faces',
                    dict(
                        way=way,
                        training=task != 'forward',
                        batch=faces,
                        device=device,
                    ),
                    count,
                )
                for way, faces in (
                    ('direct', direct_batch),
                    ('spectra', direct_batch),
                    ('spectra', batch),
                )
            ]
        found[f'whole models in fp32, {count} threads'] = [
            ProcessPlan(
                f'{MODULE}:set_up_model',
                config,
                dict(config=config, batch=batch, device=device),
                count,
            )
            for config in MODELS_COMPARED
        ]
    return found


def build(config: str, device: str) -> Any:
    """Build a pose estimator with random weights, in evaluation mode."""
    cfg = Config.fromfile(config)
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to(device).eval()


def random_maps(count: int, keypoints: int, device: str) -> Tensor:
    """Return one-hot maps of keypoints at random cells, (B, K, H, W)."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.randint(SIDE**2, (count, keypoints), generator=generator)
    return one_hot_maps(cells, (SIDE, SIDE)).to(device)


def direct_convolutions(layers: Iterable[nn.Conv2d]) -> nn.Sequential:
    """Copy layers into direct convolutions, each followed by a ReLU."""
    found: list[nn.Module] = []
    layers = list(layers)
    for layer in layers:
        plain = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            cast(tuple[int, int], layer.kernel_size),
            padding=cast(tuple[int, int], layer.padding),
        )
        plain.load_state_dict(layer.state_dict())
        found += [plain, nn.ReLU()]
    return nn.Sequential(*found).to(layers[0].weight.device)


def set_up_layers(way: str, training: bool, batch: int, device: str) -> dict[str, Case]:
    """Set up the denoiser's large convolutions.

    Args:
        way (str): ``'direct'`` or ``'spectra'``.
        training (bool): Whether to compute the gradients of the weights, too.
        batch (int): Faces of a call.
        device (str): ``'cpu'`` or ``'cuda'``.
    """
    backbone = build(DENOISER, device).backbone
    maps = random_maps(batch, backbone.in_channels, device)
    if way == 'direct':
        network: Callable[[Tensor], Tensor] = direct_convolutions(backbone.convs)
    else:
        backbone.train(training)

        def network(maps: Tensor) -> Tensor:
            return backbone(maps)[0]

    def forward() -> Tensor:
        with torch.no_grad():
            return network(maps)

    def step() -> None:
        network(maps).square().mean().backward()

    def facts() -> dict[str, float]:
        if way == 'direct' or training or batch > 2:
            return {}
        exact = direct_convolutions(backbone.convs)
        with torch.no_grad():
            return dict(error=relative_error(network(maps), exact(maps)))

    run = step if training else forward
    turns = FEW if way == 'direct' else 1000
    return {'': Case(run, batch, facts, turns)}


def relative_error(found: Tensor, exact: Tensor) -> float:
    """Return the largest difference divided by the largest value."""
    return ((found - exact).abs().max() / exact.abs().max()).item()


def set_up_model(config: str, batch: int, device: str) -> dict[str, Case]:
    """Set up a model, from its input to the score maps.

    Args:
        config (str): Config of a network, a denoiser or a joint model.
        batch (int): Faces of a call.
        device (str): ``'cpu'`` or ``'cuda'``.
    """
    model = build(config, device)
    keypoints = model.head.out_channels
    if hasattr(model, 'num_keypoints'):  # a denoiser
        inputs = random_maps(batch, keypoints, device)
    else:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.rand(batch, 1, SIDE, SIDE, generator=generator)
        inputs = inputs.to(device)

    def run() -> None:
        with torch.no_grad():
            model(inputs, None, mode='tensor')

    return {'': Case(run, batch)}
