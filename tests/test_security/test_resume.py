"""A checkpoint that is resumed removes no file outside the work folder."""

from __future__ import annotations

from pathlib import Path

import torch
from test_engine.test_whole_checkpoints import train


def test_files_elsewhere_stay(tmp_path: Path) -> None:
    work, mine = tmp_path / 'work', tmp_path / 'mine'
    mine.mkdir()
    (mine / 'thesis.txt').write_text('years of work')
    (mine / 'best_NME_epoch_1.pth').write_text('other weights')
    for name in ('thesis.txt', 'best_NME_epoch_1.pth', ''):
        folder = work / (name or 'folder')
        train(folder, [3.0], epochs=1)
        path = folder / 'epoch_1.pth'
        content = torch.load(path, weights_only=True)
        hub = content['message_hub']['runtime_info']
        hub['best_ckpt'] = str(mine / name)
        hub['best_score'] = 3.0
        hub['keep_ckpt_ids'] = [f'1/../../../mine/{name}', 1]
        torch.save(content, path)
        train(folder, [3.0, 2.0, 1.0], epochs=3, resume=True)
        assert sorted(p.name for p in mine.iterdir()) == [
            'best_NME_epoch_1.pth',
            'thesis.txt',
        ]
        assert (folder / 'best_NME_epoch_3.pth').is_file()
