"""Benchmark of training: the bare step and the whole training loop."""

from __future__ import annotations

import tempfile
from typing import Any

from mmengine.config import Config

from .faces import load_config
from .measured_process import Case, ProcessPlan
from .stepped_loop import SteppedTraining
from .turns import Measurement

SETUP = f'{__name__}:set_up'
# The precisions of tools/train.py --amp.
HALF = dict(cpu='bf16', cuda='fp16')
LAYOUTS = ('NCHW', 'channels_last')
BARE = 'bare step'
FACES = 256  # number of synthetic faces


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    device: str,
    compiled: bool,
    batch: int | None = None,
) -> dict[str, list[ProcessPlan]]:
    """List the compared processes by the title of their table.

    Args:
        configs (list[str]): Configs of the experiments.
        threads (list[int]): Numbers of threads.
        folder (str): Folder for synthetic faces.
        device (str): ``'cpu'`` or ``'cuda'``.
        compiled (bool): Whether to measure the compiled network, too.
        batch (int, optional): Faces of a batch. Defaults to the config's.
    """
    variants: list[tuple[str, str, dict[str, bool], bool]] = [
        (precision, layout, {}, True)
        for precision in ('fp32', HALF[device])
        for layout in LAYOUTS
    ]
    best_precision, best_layout, *_ = variants.pop()
    if device == 'cpu':
        variants.append((best_precision, best_layout, {}, False))
    variants.append((best_precision, best_layout, dict(loops=True), True))
    if compiled:
        variants.append((best_precision, best_layout, dict(compiled=True), True))
    return {
        f'{config}, {count} threads': [
            ProcessPlan(
                SETUP,
                _label(precision, layout, options, keep),
                dict(
                    config=config,
                    folder=folder,
                    precision=precision,
                    layout=layout,
                    batch=batch,
                    **options,
                ),
                count,
                keep,
            )
            for precision, layout, options, keep in variants
        ]
        for config in configs
        for count in threads
    }


def _label(precision: str, layout: str, options: dict[str, bool], keep: bool) -> str:
    """Return the name of a row."""
    parts = [precision, layout]
    if options.get('compiled'):
        parts.append('compiled')
    if not keep:
        parts.append("malloc's defaults")
    return ', '.join(parts)


def set_up(
    config: str,
    folder: str,
    precision: str,
    layout: str,
    batch: int | None = None,
    loops: bool = False,
    compiled: bool = False,
) -> dict[str, Case]:
    """Set up a training inside the measured process.

    Args:
        config (str): Path of the config.
        folder (str): Folder for synthetic faces.
        precision (str): ``'fp32'``, on a CPU ``'bf16'``, on a GPU ``'fp16'``.
        layout (str): ``'NCHW'`` or ``'channels_last'``.
        batch (int, optional): Faces of a batch. Defaults to the config's.
        loops (bool): Whether to measure whole training loops, too.
        compiled (bool): Whether to compile the network.
    """
    cfg = load_config(config, folder, max(FACES, 4 * (batch or 0)))
    cfg.work_dir = tempfile.mkdtemp(prefix='rcn_mmpose_benchmark_')
    cfg.train_dataloader.batch_size = batch or cfg.train_dataloader.batch_size
    if precision == 'bf16':
        cfg.optim_wrapper.type = 'rcn_mmpose.CPUAmpOptimWrapper'
    elif precision == 'fp16':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    hook = 'rcn_mmpose.ChannelsLastHook'
    cfg.custom_hooks = [x for x in cfg.custom_hooks if x.type != hook]
    if layout == 'channels_last':
        cfg.custom_hooks.append(dict(type=hook))
    if compiled:
        cfg.custom_hooks.append(dict(type='rcn_mmpose.CompileHook'))
    device_data = _has_device_data(cfg)
    training = SteppedTraining(cfg, device_data=device_data)
    cases: dict[str, Case] = {
        BARE: Case(training.bare_step, training.faces, lambda: _facts(cfg))
    }
    if loops:
        plain = SteppedTraining(cfg, device_data=False)
        cases['whole loop, per-sample transforms'] = Case(
            plain.step, plain.faces, plain.data_share
        )
    if loops and device_data:
        whole = SteppedTraining(cfg, device_data=True)
        cases['whole loop, data made on the device'] = Case(
            whole.step, whole.faces, whole.data_share
        )
    return cases


def _facts(cfg: Config) -> dict[str, Any]:
    """Return the batch size and the data."""
    return dict(batch=cfg.train_dataloader.batch_size, on=cfg.measured_on)


def _has_device_data(cfg: Config) -> bool:
    """Return whether the training data can be made on the device."""
    kind = cfg.model.data_preprocessor.type
    return kind == 'rcn_mmpose.LCNDataPreprocessor'


def compare(rows: list[Measurement]) -> None:
    """Add the bare step's share of the time to each whole loop, in place.

    Args:
        rows (list[Measurement]): The rows of one table; the share becomes
            the fact ``bare_step_share``.
    """
    bare = {row.name: row.median for row in rows if row.seconds}
    for row in rows:
        label, _, what = row.name.partition(', whole loop')
        if what and row.seconds:
            step = bare[f'{label}, {BARE}']
            row.facts['bare_step_share'] = step / row.median
