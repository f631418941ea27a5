"""What a training step costs, and what surrounds it."""

from __future__ import annotations

import tempfile
from typing import Any

from mmengine.config import Config

from .arm import Case, Plan
from .faces import load_config
from .rounds import Row
from .stepped_loop import Training

SETUP = f'{__name__}:set_up'
# as tools/train.py --amp has it
HALF = dict(cpu='bf16', cuda='fp16')
LAYOUTS = ('NCHW', 'channels_last')
BARE = 'bare step'
FACES = 256  # synthetic ones


def groups(
    configs: list[str],
    threads: list[int],
    folder: str,
    device: str,
    compiled: bool,
    batch: int | None = None,
) -> dict[str, list[Plan]]:
    """List what is compared, by the title of its table.

    Args:
        configs (list[str]): Of the experiments.
        threads (list[int]): Numbers of threads.
        folder (str): For synthetic faces.
        device (str): ``'cpu'`` or ``'cuda'``.
        compiled (bool): Whether the compiled network takes part.
        batch (int, optional): Faces of a batch. Defaults to the config's.
    """
    variants = [
        (precision, layout, {}, True)
        for precision in ('fp32', HALF[device])
        for layout in LAYOUTS
    ]
    best = variants.pop()[:2]
    if device == 'cpu':
        variants.append((*best, {}, False))
    variants.append((*best, dict(loops=True), True))
    if compiled:
        variants.append((*best, dict(compiled=True), True))
    return {
        f'{config}, {count} threads': [
            Plan(
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
    """Name a row."""
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
    """Set up a training, in the process that measures it.

    Args:
        config (str): Path of the config.
        folder (str): For synthetic faces.
        precision (str): ``'fp32'``, on a CPU ``'bf16'``, on a GPU ``'fp16'``.
        layout (str): ``'NCHW'`` or ``'channels_last'``.
        batch (int, optional): Faces of a batch. Defaults to the config's.
        loops (bool): Whether whole loops are measured, too.
        compiled (bool): Whether the network is compiled.
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
    twin = _has_batched_twin(cfg)
    training = Training(cfg, device_data=twin)
    cases: dict[str, Case] = {
        BARE: Case(training.bare_step, training.faces, lambda: _facts(cfg))
    }
    if loops:
        plain = Training(cfg, device_data=False)
        cases['whole loop, per-sample transforms'] = Case(
            plain.step, plain.faces, plain.data_share
        )
    if loops and twin:
        whole = Training(cfg, device_data=True)
        cases['whole loop, data made on the device'] = Case(
            whole.step, whole.faces, whole.data_share
        )
    return cases


def _facts(cfg: Config) -> dict[str, Any]:
    """Tell what was trained."""
    return dict(batch=cfg.train_dataloader.batch_size, on=cfg.measured_on)


def _has_batched_twin(cfg: Config) -> bool:
    """Tell whether the training data can be made on the device."""
    kind = cfg.model.data_preprocessor.type
    return kind == 'rcn_mmpose.LCNDataPreprocessor'


def compare(rows: list[Row]) -> None:
    """Tell of each whole loop which share of its time the bare step takes.

    Args:
        rows (list[Row]): Of one table; their facts are added to.
    """
    bare = {row.name: row.median for row in rows if row.seconds}
    for row in rows:
        label, _, what = row.name.partition(', whole loop')
        if what and row.seconds:
            step = bare[f'{label}, {BARE}']
            row.facts['bare_step_share'] = step / row.median
