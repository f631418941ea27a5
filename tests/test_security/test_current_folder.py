"""Scripts import no module of the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
def test_scripts(script: str, tmp_path: Path) -> None:
    for name in ('torch', 'numpy', 'rcn_mmpose', 'argparse'):
        (tmp_path / f'{name}.py').write_text(f'raise SystemExit("planted {name}")\n')
    folder = Path(sys.executable).parent
    done = subprocess.run(
        [str(ROOT / 'tools' / script), 'missing.py', '1', '2'],
        cwd=tmp_path,
        env=dict(os.environ, PATH=f'{folder}:{os.environ["PATH"]}'),
        capture_output=True,
        text=True,
    )
    assert done.returncode not in (0, 127)
    assert 'planted' not in done.stdout + done.stderr


def test_make_runs_no_command_in_the_name_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / 'q$(touch planted)`touch planted`'
    folder.mkdir()
    for name in ('Makefile', 'requirements'):
        (folder / name).symlink_to(ROOT / name)
    for target in ('install', 'test', 'doctor'):
        subprocess.run(
            ['make', 'PYTHON=false', target],
            cwd=folder,
            env=dict(PATH=os.environ['PATH']),
            capture_output=True,
        )
    assert sorted(p.name for p in folder.iterdir()) == ['Makefile', 'requirements']
