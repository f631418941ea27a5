"""The edits that tools/train.py and tools/test.py make to a config, in order.

Each edit is a function of the config and the parsed command line. It changes the
config in place, and may return a line for the log of the run.
``TRAIN_EDITS`` and ``TEST_EDITS`` list the edits in the order in which they run.
"""

from __future__ import annotations

import argparse
import os
import os.path as osp
from collections.abc import Callable, Sequence

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import find_latest_checkpoint

from ..device_data.switch import use_device_data
from ..environment.bfloat16 import INSTEAD
from ..io.checkpoint import fetch_checkpoint, with_carried_calibration
from .config_check import check_config, check_options
from .cpu_amp import amp_pays
from .distributed import check_batch, init_distributed
from .hooks import use_compiler
from .schedule import scale_by_root, use_recipe
from .training_length import stretch_schedule

Edit = Callable[[Config, argparse.Namespace], str | None]

FACE_METRICS = ('FaceNME', 'rcn_mmpose.FaceNME')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that tools/train.py and tools/test.py share with MMPose."""
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: ./work_dirs/<config name>)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change settings of the config, for example '
        'train_dataloader.batch_size=32 train_cfg.max_epochs=5',
    )
    parser.add_argument('--show-dir', help='draw predictions into this folder')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window'
    )
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th face')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=1,
        help='seconds for which a window stays open',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='program that starts the processes of a distributed run',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help='rank on this node; older launchers set this option',
    )


def edited_config(
    args: argparse.Namespace, edits: Sequence[Edit]
) -> tuple[Config, list[str]]:
    """Read the config of a run and apply edits to it.

    Args:
        args (argparse.Namespace): The command line, with ``config``.
        edits (Sequence): ``TRAIN_EDITS`` or ``TEST_EDITS``.

    Returns:
        tuple: The config, and lines for the log of the run.

    Raises:
        FileNotFoundError: If the config, a recipe or a checkpoint does not exist.
        ValueError: If an edit does not fit the config.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not osp.isfile(args.config):
        raise FileNotFoundError(
            f'config {args.config!r} does not exist; the configs of this project '
            'are in configs/.'
        )
    cfg = Config.fromfile(args.config)
    lines = [edit(cfg, args) for edit in edits]
    return cfg, [line for line in lines if line]


# Edits of both tools.


def apply_recipe(cfg: Config, args: argparse.Namespace) -> None:
    """``--recipe``: use the training schedule of another config."""
    if getattr(args, 'recipe', None):
        use_recipe(cfg, args.recipe)


def apply_cfg_options(cfg: Config, args: argparse.Namespace) -> None:
    """``--cfg-options``: change single settings."""
    if args.cfg_options:
        check_options(cfg, args.cfg_options)
        cfg.merge_from_dict(args.cfg_options)


def check_keys(cfg: Config, args: argparse.Namespace) -> None:
    """Raise an error for a misspelt key."""
    check_config(cfg)


def set_launcher_and_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """``--launcher``, ``--work-dir``: how the run starts and where it writes."""
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)


def enable_drawing(cfg: Config, args: argparse.Namespace) -> None:
    """``--show``, ``--show-dir``: draw predictions."""
    if args.show or args.show_dir:
        cfg.default_hooks.visualization.update(
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            interval=args.interval,
            out_dir=args.show_dir,
        )


def shorten_log(cfg: Config, args: argparse.Namespace) -> None:
    """Print only the main errors of a validation or test."""
    processor = cfg.get('log_processor') or {}
    if processor.get('type', 'LogProcessor') == 'LogProcessor':
        cfg.log_processor = dict(processor, type='rcn_mmpose.ShortLogProcessor')


def start_processes(cfg: Config, args: argparse.Namespace) -> None:
    """Prepare a distributed run."""
    init_distributed(cfg)


# Edits of training.


def fit_schedule(cfg: Config, args: argparse.Namespace) -> str:
    """Stretch the learning rate schedule to the length of the training."""
    planned = Config.fromfile(args.config)
    apply_recipe(planned, args)
    return stretch_schedule(cfg, planned, args.cfg_options)


def skip_validation(cfg: Config, args: argparse.Namespace) -> None:
    """``--no-validate``: remove the validation and the best checkpoint."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        # The best checkpoint is chosen by the validation.
        cfg.default_hooks.checkpoint.pop('save_best', None)


def enable_amp(cfg: Config, args: argparse.Namespace) -> str | None:
    """``--amp``: compute in mixed precision, where that is faster.

    Raises:
        ValueError: If the optimiser wrapper of the config is of another kind.
    """
    if not args.amp:
        return None
    if args.amp != 'always' and not amp_pays():
        return f'--amp: {INSTEAD}; the training computes in float32.'
    wrapper = cfg.optim_wrapper
    if wrapper.setdefault('type', 'OptimWrapper') == 'OptimWrapper':
        if torch.cuda.is_available():
            wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
        else:
            wrapper.type = 'rcn_mmpose.CPUAmpOptimWrapper'
    elif not wrapper.type.endswith('AmpOptimWrapper'):
        raise ValueError(
            f'--amp cannot change an optim_wrapper of type {wrapper.type!r}; '
            'it needs OptimWrapper.'
        )
    return None


def choose_start(cfg: Config, args: argparse.Namespace) -> str | None:
    """``--resume``: start from a checkpoint.

    Without a path, this is the latest checkpoint in the work folder. If there is
    none, ``load_from`` of the config still gives the initial weights.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
    """
    if args.resume == 'auto':
        cfg.resume = find_latest_checkpoint(cfg.work_dir) is not None
        if not cfg.resume:
            return f'--resume: {cfg.work_dir} has no checkpoint; the training starts.'
        cfg.load_from = None
    elif args.resume:
        if not osp.isfile(args.resume) and '://' not in args.resume:
            raise FileNotFoundError(
                f'--resume: checkpoint {args.resume!r} does not exist; without a path, '
                'the latest checkpoint of the work folder is taken.'
            )
        cfg.resume = True
        cfg.load_from = args.resume
    if cfg.get('resume'):
        kind = 'rcn_mmpose.ResumeHook'
        # A config that a run wrote has the hook already.
        hooks = [x for x in cfg.get('custom_hooks') or [] if x.get('type') != kind]
        cfg.custom_hooks = [*hooks, dict(type=kind)]
    return None


def compile_network(cfg: Config, args: argparse.Namespace) -> None:
    """``--compile``: compile the network with ``torch.compile``.

    Raises:
        ValueError: If there is no compiler.
    """
    if args.compile:
        use_compiler(cfg, args.compile)


def scale_learning_rate(cfg: Config, args: argparse.Namespace) -> str | None:
    """``--auto-scale-lr``: scale the learning rate with the size of a batch."""
    if args.auto_scale_lr == 'linear':
        cfg.auto_scale_lr.enable = True  # the runner multiplies
    elif args.auto_scale_lr == 'sqrt':
        return scale_by_root(cfg, _processes(cfg))
    return None


def make_data_on_device(cfg: Config, args: argparse.Namespace) -> None:
    """``--device-data``: build the crop cache and read training data from it."""
    if args.device_data is not None:
        use_device_data(cfg, args.device_data or None)


def warn_of_large_batch(cfg: Config, args: argparse.Namespace) -> str | None:
    """Warn if an update takes more faces than the config is made for."""
    return check_batch(cfg, _processes(cfg))


# Edits of testing.


def load_weights(cfg: Config, args: argparse.Namespace) -> None:
    """Load the checkpoint and the calibration that it carries.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
    """
    if not osp.isfile(args.checkpoint) and '://' not in args.checkpoint:
        raise FileNotFoundError(
            f'checkpoint {args.checkpoint!r} does not exist; training writes '
            'checkpoints to work_dirs/<config name>/.'
        )
    cfg.load_from = args.checkpoint
    _, meta = fetch_checkpoint(args.checkpoint)
    cfg.model = with_carried_calibration(cfg.model, meta)


def check_output_names(cfg: Config, args: argparse.Namespace) -> None:
    """Check the names of output files.

    Raises:
        ValueError: If a name has a wrong ending.
    """
    for option, path, endings in (
        ('--out', args.out, ('.json', '.yml', '.yaml')),
        ('--dump', args.dump, ('.pkl', '.pickle')),
    ):
        if path and not path.endswith(endings):
            raise ValueError(f'{option} {path!r} must end in one of {endings}.')


def show_table_last(cfg: Config, args: argparse.Namespace) -> None:
    """``--each-keypoint``: let the tool print the table at the end."""
    evaluators = cfg.get('test_evaluator')
    several = isinstance(evaluators, (list, tuple))
    for evaluator in evaluators if several else [evaluators]:
        if isinstance(evaluator, dict) and evaluator.get('type') in FACE_METRICS:
            evaluator['log_table'] = False
            if args.each_keypoint:
                evaluator['detailed'] = True


def dump_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """``--dump``: write all predictions to a file."""
    if args.dump:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        cfg.test_evaluator = [
            *evaluators,
            dict(type='DumpResults', out_file_path=args.dump),
        ]


def draw_bad_cases(cfg: Config, args: argparse.Namespace) -> None:
    """``--badcase``: draw the faces with a large error.

    Raises:
        ValueError: If several processes would overwrite the files of each other.
    """
    if not args.badcase:
        return
    if args.launcher != 'none':
        raise ValueError(
            '--badcase keeps the list of one process only; test in one process, '
            'with tools/test.py.'
        )
    hook = cfg.default_hooks.badcase
    hook.update(enable=True, show=args.show, interval=args.interval)
    hook.setdefault('metric', cfg.model.head.loss)


# Why the order matters:
#
# - The recipe comes before --cfg-options, so that an option can change a setting of
#   the recipe. Both come before the check of keys, which must see every key that a
#   person wrote. All other edits come after the check: they add only valid keys.
# - The schedule is fitted after all edits that change the length of the training.
# - The work folder comes before --resume, which searches it for checkpoints.
# - --amp comes before start_processes: a wrong optimiser wrapper must end the run
#   before processes connect to each other. For the same reason, all edits of a test
#   that can raise an error come before start_processes.
# - start_processes comes before --device-data: one process builds the cache and the
#   others must learn whether it succeeded. It also sets WORLD_SIZE, which the rule
#   for the learning rate and the warning of large batches read.
# - --device-data comes before the learning rate: it reads the loader that the config
#   describes and does not change the batch size.
# - The warning comes last: it describes the batch and the learning rate that remain.
# - show_table_last comes before --dump, which turns one evaluator into a list.
COMMON_EDITS: tuple[Edit, ...] = (
    apply_recipe,
    apply_cfg_options,
    check_keys,
    set_launcher_and_work_dir,
    enable_drawing,
    shorten_log,
)
TRAIN_EDITS: tuple[Edit, ...] = (
    *COMMON_EDITS,
    fit_schedule,
    skip_validation,
    enable_amp,
    choose_start,
    compile_network,
    start_processes,
    make_data_on_device,
    scale_learning_rate,
    warn_of_large_batch,
)
TEST_EDITS: tuple[Edit, ...] = (
    *COMMON_EDITS,
    load_weights,
    check_output_names,
    show_table_last,
    dump_predictions,
    draw_bad_cases,
    start_processes,
)


def _processes(cfg: Config) -> int:
    """Return the number of processes of the run; a launcher sets WORLD_SIZE."""
    return 1 if cfg.launcher == 'none' else int(os.environ['WORLD_SIZE'])
