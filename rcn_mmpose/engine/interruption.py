"""How to resume a training that Ctrl-C or SIGTERM stopped."""

from __future__ import annotations

import argparse
import json
import os
import os.path as osp
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mmengine.config import Config

from ..environment.script import (
    HINT_VARIABLE,
    ResumeHint,
    exit_interrupted,
    interruption,
)
from .config_edits import set_launcher_and_work_dir
from .distributed import is_first_rank


@contextmanager
def resumable(args: argparse.Namespace, argv: Sequence[str]) -> Iterator[None]:
    """End a training after a signal in one line that says how to resume it.

    Below ``dist_train.sh`` the launcher prints the line: only the launcher knows
    whether a signal or the failure of another process ended this one.

    Args:
        args (argparse.Namespace): The command line of tools/train.py.
        argv (Sequence[str]): The same, as ``sys.argv``.

    Raises:
        SystemExit: After a signal, with status 130 (Ctrl-C) or 143 (SIGTERM).
    """
    path = os.environ.get(HINT_VARIABLE)
    if path and is_first_rank() and osp.isfile(args.config):
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(resume_hint(args, argv), file)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        stopped = interruption(error)
        if stopped is None:
            raise
        silent = path or not is_first_rank()
        exit_interrupted(stopped, '' if silent else resume_hint(args, argv).line())


def resume_hint(args: argparse.Namespace, argv: Sequence[str]) -> ResumeHint:
    """Return the commands that continue a training.

    Args:
        args (argparse.Namespace): The command line of tools/train.py.
        argv (Sequence[str]): The same, as ``sys.argv``.
    """
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    set_launcher_and_work_dir(cfg, args)
    options = [] if args.work_dir else ['--work-dir', cfg.work_dir]
    return ResumeHint(
        cfg.work_dir,
        _command(args, argv, []),
        _command(args, argv, [*options, '--resume']),
    )


def _command(args: argparse.Namespace, argv: Sequence[str], options: list[str]) -> str:
    """Return the command that repeats the training with more options."""
    tool, *rest = argv
    if options:
        rest = _without(rest, '--resume', args.resume)
    if args.launcher == 'none':
        return shlex.join(['python', tool, *rest, *options])
    if args.launcher == 'pytorch':  # as dist_train.sh calls the tool
        rest = _without(rest, '--launcher', 'pytorch')
        rest.remove(args.config)
        processes = os.environ.get('LOCAL_WORLD_SIZE', '1')
        script = osp.join(osp.dirname(tool), 'dist_train.sh')
        return shlex.join([script, args.config, processes, *rest, *options])
    # The partition and the name of the job are known to Slurm only.
    return ' '.join(['the same command', shlex.join(options)]).strip()


def _without(arguments: list[str], option: str, value: str | None) -> list[str]:
    """Remove an option and its value."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip and argument == value:
            skip = False
            continue
        skip = argument == option
        if not skip and argument != f'{option}={value}':
            kept.append(argument)
    return kept
