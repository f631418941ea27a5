"""Hooks for checkpoints: atomic writing, and checks when they are loaded.

A killed training keeps complete checkpoints. A checkpoint that does not fit the
model is an error.
"""

from __future__ import annotations

import glob
import os
import os.path as osp
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner

from ..io.atomic import DRAFT, write_whole
from ..registry import HOOKS

# These weights depend on the number of keypoints; fine-tuning may omit them.
HEAD = 'head.'


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Raise an error if a checkpoint does not fit the model.

    MMEngine loads the weights that fit and only logs the others. A test with the
    weights of another architecture then prints the error of a randomly initialised
    network. This hook requires all weights to fit, with one exception: a training
    from ``load_from`` (not a resumed one) may initialise the head
    randomly, as in fine-tuning for another number of keypoints. The log names these
    weights.

    Args:
        strict (bool): False to load only the weights that fit. Defaults to True.
    """

    priority = 'VERY_HIGH'

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare names and shapes of all weights.

        Raises:
            ValueError: If they differ.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        found = checkpoint.get('state_dict', checkpoint)
        if hasattr(model, 'complete_state_dict'):  # from a second checkpoint
            found = model.complete_state_dict(found)
        faults = _compare(found, model.state_dict())
        # until training begins the loop is still a config
        training = isinstance(runner._train_loop, BaseLoop)
        if training and not runner._resume:
            head = {n: f for n, f in faults.items() if n.startswith(HEAD)}
            faults = {n: f for n, f in faults.items() if n not in head}
            for fault in head.values():
                runner.logger.warning(f'The head is newly initialised: {fault}.')
        if not faults or not self.strict:
            return
        shown = list(faults.values())[:4]
        if len(faults) > len(shown):
            shown.append(f'and {len(faults) - len(shown)} more')
        raise ValueError(
            'the checkpoint belongs to another architecture: '
            f'{"; ".join(shown)}. Give the config of its training, or '
            'load only the weights that fit with custom_hooks=[dict(type='
            "'rcn_mmpose.CheckpointCheckHook', strict=False)]."
        )


def _compare(found: dict, wanted: dict) -> dict[str, str]:
    """Describe each weight that differs; unknown weights come first."""
    faults = {n: f'{n} is unknown' for n in sorted(found.keys() - wanted)}
    for name, value in wanted.items():
        if name not in found:
            faults[name] = f'{name} is missing'
        elif found[name].shape != value.shape:
            faults[name] = (
                f'{name} has shape {tuple(found[name].shape)} instead of '
                f'{tuple(value.shape)}'
            )
    return faults


BACKEND = 'rcn_mmpose.whole'
VALIDATED = 'validated_epoch'
BEST = 'best.pth'  # link to the best checkpoint


@register_backend(BACKEND, force=True)
class WholeFiles(LocalBackend):
    """MMEngine's local files, written atomically."""

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write a file atomically.

        Raises:
            OSError: If the file cannot be written; the error says what to do.
        """
        path = os.fspath(filepath)
        try:
            write_whole(path, obj)
        except OSError as error:
            raise OSError(
                error.errno,
                f'{error.strerror}: cannot write {len(obj):,} bytes; the '
                'earlier file is complete. Free disk space or make the folder '
                'writable, and resume with --resume',
                path,
            ) from error


class RemoveLater(WholeFiles):
    """Files whose removal waits until their replacements are written."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def remove(self, filepath: str | os.PathLike) -> None:
        """Mark a file for removal by :meth:`flush`."""
        self.removed.append(os.fspath(filepath))

    def flush(self) -> None:
        """Remove the marked files; another process may have removed one already."""
        while self.removed:
            try:
                super().remove(self.removed.pop())
            except FileNotFoundError:
                pass


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """MMEngine's checkpoints, written atomically.

    MMEngine removes the old checkpoint before it writes the new one, and writes in
    place: a training that is killed in between has no checkpoint or an incomplete
    one. This hook writes each file atomically, and only then removes the file that
    it replaces. A resumed training first validates its checkpoint, unless the
    checkpoint records its validation: the training may have been killed before, and
    the choice of the best checkpoint must see every epoch. ``best.pth`` is a link to
    the best checkpoint, whose own name holds the metric and the epoch.

    The arguments are the same as for ``CheckpointHook``, but all files must be
    local, and ``max_keep_ckpts`` is at least 2.

    Raises:
        ValueError: If ``max_keep_ckpts`` is 0 or 1, or the files are not local.
    """

    def __init__(self, *args: Any, max_keep_ckpts: int = 2, **kwargs: Any) -> None:
        if max_keep_ckpts in (0, 1):
            raise ValueError(
                f'max_keep_ckpts={max_keep_ckpts}; keep 2 or more, or -1 for '
                'all: the training may have diverged before the last one.'
            )
        for name in ('backend_args', 'file_client_args'):
            if kwargs.get(name):
                raise ValueError(
                    f'{name}={kwargs[name]}: these checkpoints are local '
                    "files; use MMEngine's CheckpointHook for others."
                )
        super().__init__(
            *args,
            max_keep_ckpts=max_keep_ckpts,
            backend_args=dict(backend=BACKEND),
            **kwargs,
        )

    def before_train(self, runner: Runner) -> None:
        """Remove drafts of a killed training, and validate a resumed checkpoint."""
        self._keep_foreign_files(runner)
        super().before_train(runner)
        self.file_backend = RemoveLater()
        if is_main_process():
            for draft in glob.glob(osp.join(glob.escape(self.out_dir), f'*{DRAFT}')):
                os.unlink(draft)
        if self._owes_validation(runner):
            runner.logger.info(
                f'Epoch {runner.epoch} is validated before the training resumes.'
            )
            runner.val_loop.run()

    def _keep_foreign_files(self, runner: Runner) -> None:
        """Forget files outside the folder that a resumed checkpoint names.

        MMEngine removes the earlier best checkpoint, wherever its path leads. The
        path is relocated into the folder of this training.
        """
        info = runner.message_hub.runtime_info
        kept = info.get('keep_ckpt_ids')
        if isinstance(kept, list):
            info['keep_ckpt_ids'] = [step for step in kept if isinstance(step, int)]
        folder = self.out_dir or runner.work_dir
        if folder != runner.work_dir:  # MMEngine adds the name of the work folder
            folder = osp.join(folder, osp.basename(runner.work_dir.rstrip(osp.sep)))
        for key in [key for key in info if key.startswith('best_ckpt')]:
            name = osp.basename(str(info[key]))
            if name.startswith('best_') and name.endswith('.pth'):
                info[key] = osp.join(folder, name)
            else:
                del info[key]

    def _owes_validation(self, runner: Runner) -> bool:
        """Whether a resumed checkpoint was written before its validation."""
        loop, epoch = runner.train_loop, runner.epoch
        if not self.by_epoch or runner.val_loop is None:
            return False
        due = epoch >= loop.val_begin and (
            epoch % loop.val_interval == 0 or epoch == loop.max_epochs
        )
        info = runner.message_hub.runtime_info
        return due and 0 < epoch != info.get(VALIDATED)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write the new checkpoint and its path, then remove the oldest."""
        outdated = None
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.keep_ckpt_ids.popleft()
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = osp.join(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = osp.join(runner.work_dir, 'last_checkpoint')
            write_whole(pointer, self.last_ckpt.encode())
            if outdated is not None:
                self.file_backend.remove(
                    osp.join(self.out_dir, self.filename_tmpl.format(outdated))
                )
                self.file_backend.flush()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Save the best checkpoint, and record that this epoch is validated."""
        runner.message_hub.update_info(VALIDATED, runner.epoch)
        super().after_val_epoch(runner, metrics)
        # Several metrics have several best checkpoints, and no link.
        best = getattr(self, 'best_ckpt_path', None)
        if best and osp.isfile(best) and is_main_process():
            _link(best, osp.join(osp.dirname(best), BEST))
        self.file_backend.flush()


def _link(target: str, path: str) -> None:
    """Make a link atomically, where links are possible.

    A file of that name that is no link belongs to somebody else and stays.
    """
    if osp.lexists(path) and not osp.islink(path):
        return
    draft = f'{path}{DRAFT}'
    try:
        os.symlink(osp.basename(target), draft)
        os.replace(draft, path)
    except OSError:  # the checkpoint itself is complete
        return
