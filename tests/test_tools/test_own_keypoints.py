"""The commands of docs/train.md, in order."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from fake_mtfl import draw_face
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

# Small batches and few workers for a test; nothing else differs.
SMALL = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
]


def make_pts(root: Path, count: int = 12) -> None:
    """Write faces with a .pts file each, with and without its header."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        img, points = draw_face(rng)
        cv2.imwrite(str(root / f'{i:02d}.png'), img)
        lines = [f'{x + 1:.4f} {y + 1:.4f}' for x, y in points]
        if i % 2:
            lines = ['version: 1', 'n_points:  5', '{', *lines, '}']
        (root / f'{i:02d}.pts').write_text('\n'.join(lines) + '\n')


def commands(page: str) -> list[list[str]]:
    """Collect the shell commands of a page."""
    blocks = re.findall(r'```sh\n(.*?)```', page, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_commands_of_the_tutorial(fresh: Callable, root: Path, tmp_path: Path) -> None:
    make_pts(tmp_path / 'data' / 'own')
    for folder in ('tools', 'configs'):
        shutil.copytree(root / folder, tmp_path / folder)
    # The tutorial starts from a network for 68 keypoints.
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(root / 'configs' / 'rcn_300w.py'))
    model = MODELS.build(cfg.model)
    (tmp_path / 'work_dirs').mkdir()
    path = tmp_path / 'work_dirs' / 'other_k.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict()), path)

    page = (root / 'docs' / 'train.md').read_text()
    page = page.partition('## Public datasets')[0]
    outputs = []
    for python, *arguments in commands(page):
        assert python == 'python'
        if arguments[0] == 'tools/train.py':
            arguments += SMALL
        done = fresh(*arguments, cwd=tmp_path)
        outputs.append(done.stdout + done.stderr)
        assert done.returncode == 0, outputs[-1]
    assert len(outputs) == 5
    assert '11 faces of 5 keypoints' in outputs[0]
    sheet = cv2.imread(str(tmp_path / 'work_dirs' / 'own_input.png'))
    assert sheet is not None and sheet.std() > 10
    assert 'own (val of data/own): evaluated 1 of 1 faces' in outputs[3]
    head = 'The head is newly initialised: head.last_conv.weight has shape (68, 64'
    assert head in outputs[4]
    tuned = torch.load(tmp_path / 'work_dirs/tuned/epoch_1.pth', weights_only=False)
    weight = 'backbone.trunk.0.0.conv.weight'
    moved = tuned['state_dict'][weight] - model.state_dict()[weight]
    assert 0 < moved.abs().max() < 0.1  # close to the start, but trained
