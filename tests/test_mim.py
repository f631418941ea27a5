"""Contents of the wheel, and commands of mim with the installed wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, load_tool
from mmengine.config import Config

pytest.importorskip('mim', reason='openmim is not installed')

# The documented commands, with settings for a short test.
PAGE = (ROOT / 'docs' / 'in_mmpose.md').read_text()
COMMANDS = [
    line
    for block in PAGE.split('```sh\n')[1:]
    for line in block.split('```')[0].splitlines()
    if line.startswith('mim ')
]
SMALL = (
    ' --cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=4'
    ' train_dataloader.num_workers=0 val_dataloader.num_workers=0'
    ' test_dataloader.num_workers=0'
    ' train_dataloader.persistent_workers=False'
    ' val_dataloader.persistent_workers=False'
)
SOURCES = (
    'setup.cfg',
    'pyproject.toml',
    'LICENSE',
    'README.md',
    'model-index.yml',
    'configs',
    'tools',
    'rcn_mmpose',
)


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy without network."""
    pytest.importorskip('pip')
    source = tmp_path_factory.mktemp('source')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                source / name,
                symlinks=True,
                ignore=shutil.ignore_patterns('__pycache__'),
            )
        else:
            shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-index']
        + ['--no-build-isolation', '--wheel-dir', 'dist', '.'],
        cwd=source,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (source / 'dist').glob('rcn_mmpose-*.whl')
    return path


def mim(
    command: str, cwd: Path, site: Path, **environment: object
) -> subprocess.CompletedProcess:
    """Run a command line where only ``site`` provides rcn_mmpose."""
    environ = dict(
        os.environ,
        HOME=str(cwd),  # mim creates a cache in the home folder
        OMP_NUM_THREADS='1',
        PATH=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
        PYTHONPATH=str(site),
    )
    environ.update({key: str(value) for key, value in environment.items()})
    return subprocess.run(
        ['bash', '-c', command],
        cwd=cwd,
        env=environ,
        text=True,
        capture_output=True,
    )


def write_w300(root: Path) -> None:
    """Write 12 faces for training and 2 for testing into folders of 300W."""
    rng = np.random.default_rng(0)
    for part, count in (('helen/trainset', 12), ('ibug', 2)):
        (root / part).mkdir(parents=True)
        for i in range(count):
            file = root / part / f'{i}_1.png'
            image = rng.integers(0, 256, (90, 100, 3)).astype(np.uint8)
            cv2.imwrite(str(file), image)
            points = '\n'.join(
                f'{x:.3f} {y:.3f}' for x, y in rng.uniform(30, 70, (68, 2))
            )
            text = f'version: 1\nn_points: 68\n{{\n{points}\n}}\n'
            file.with_suffix('.pts').write_text(text)


def verb(command: str) -> str:
    """Return the first words of a command."""
    return '_'.join(command.split()[1:3])


@pytest.fixture(scope='module')
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and with the wheel installed in ``site``."""
    folder = tmp_path_factory.mktemp('elsewhere')
    installed = subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index']
        + ['--target', str(folder / 'site'), str(wheel)],
        text=True,
        capture_output=True,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    write_w300(folder / 'data' / '300w')
    return folder


@pytest.fixture(scope='module')
def done(elsewhere: Path) -> dict[str, subprocess.CompletedProcess]:
    """The documented commands, run with the installed wheel."""
    site = elsewhere / 'site'
    configs = site / 'rcn_mmpose' / '.mim' / 'configs'

    def run(*names: str) -> dict[str, subprocess.CompletedProcess]:
        results = {}
        for name in names:
            (command,) = [x for x in COMMANDS if verb(x) == name]
            if name.split('_')[0] in ('train', 'test', 'gridsearch'):
                command = command.replace('epoch_30', 'epoch_1') + SMALL
            results[name] = mim(command, elsewhere, site, CONFIGS=configs)
        return results

    # Two processes run at a time. The test command needs a finished training.
    results = run('run_rcn_mmpose')
    with ThreadPoolExecutor(2) as pool:
        parts = [
            pool.submit(run, 'gridsearch_rcn_mmpose'),
            pool.submit(
                run,
                'train_rcn_mmpose',
                'test_rcn_mmpose',
                'train_mmpose',
                'search_rcn_mmpose',
            ),
        ]
        for part in parts:
            results.update(part.result())
    return results


# ------------------------------------------------------ contents of the wheel


def test_the_wheel_contains_configs_tools_and_index(wheel: Path) -> None:
    """All configs and all tools except tools/release, as files, not as links."""
    with ZipFile(wheel) as archive:
        held = {
            name.removeprefix('rcn_mmpose/.mim/'): archive.getinfo(name)
            for name in archive.namelist()
            if name.startswith('rcn_mmpose/.mim/')
        }
        links = [n for n, i in held.items() if i.external_attr >> 28 == 0xA]
        assert not links
        for name in held:
            content = archive.read(f'rcn_mmpose/.mim/{name}')
            assert content == (ROOT / name).read_bytes(), name
    wanted = {
        str(path.relative_to(ROOT))
        for folder in ('configs', 'tools')
        for path in (ROOT / folder).rglob('*.*')
        if path.is_file() and path.suffix != '.pyc' and path.parent.name != 'release'
    }
    assert set(held) == wanted | {'model-index.yml'}


def test_config_names_are_unique() -> None:
    """mim searches configs by file name in all folders of the package."""
    names = [
        path.name
        for folder in ('configs', 'tools', 'rcn_mmpose')
        for path in (ROOT / folder).rglob('*.py')
        if '.mim' not in path.parts
    ]
    experiments = [
        path.name
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    ]
    twice = [name for name in experiments if names.count(name) > 1]
    assert not twice


def models() -> list[dict]:
    """Return the models of the index and of its imported metafiles."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    return [
        model
        for name in index['Import']
        for model in yaml.safe_load((ROOT / name).read_text())['Models']
    ]


@pytest.mark.parametrize('model', models(), ids=lambda model: model['Name'])
def test_the_metafile_is_correct(model: dict) -> None:
    config = ROOT / model['Config']
    assert model['Name'] == config.stem
    found = load_tool('analysis_tools/get_flops.py').count(Config.fromfile(str(config)))
    assert found['params'] == model['Metadata']['Parameters']
    assert found['flops'] == model['Metadata']['FLOPs']
    if model.get('Alias'):  # a shipped model, see tests/test_shipped
        return
    # The test errors equal the numbers in docs/train.md.
    cells = {
        cell.strip()
        for row in (ROOT / 'docs' / 'train.md').read_text().splitlines()
        if row.startswith(f'| `{config.name}`')
        for cell in row.split('|')
    }
    for result in model.get('Results', []):
        for value in result['Metrics'].values():
            assert f'{value:.2f}' in cells


def test_operations_for_another_input_size() -> None:
    count = load_tool('analysis_tools/get_flops.py').count
    cfg = Config.fromfile(str(ROOT / 'configs' / 'rcn_aflw.py'))
    whole = count(cfg)
    assert whole['input_shape'] == (1, 80, 80)
    cfg.pop('codec')
    with pytest.raises(ValueError, match='no `codec`.*--input-shape'):
        count(cfg)
    wide = count(cfg, (160, 80))  # all maps but the coarsest are twice as high
    assert wide['input_shape'] == (1, 160, 80)
    assert wide['params'] == whole['params']
    assert wide['flops'] == pytest.approx(2 * whole['flops'], rel=1e-3)


# ---------------------------------------------------------- the commands


def check(run: subprocess.CompletedProcess) -> str:
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_all_commands_of_the_page_were_run(done: dict) -> None:
    assert {verb(command) for command in COMMANDS} == set(done)


def test_mim_run(done: dict, elsewhere: Path) -> None:
    assert 'finished successfully' in check(done['run_rcn_mmpose'])
    file = elsewhere / 'data' / 'annotations' / '300w_train.json'
    assert file.is_file()


def test_mim_train_by_name(done: dict, elsewhere: Path) -> None:
    log = check(done['train_rcn_mmpose'])
    site = elsewhere / 'site'
    for part in ('tools/train.py', 'configs/rcn_300w.py'):
        assert f'{site}/rcn_mmpose/.mim/{part}' in log
    assert 'Training finished successfully' in log
    path = elsewhere / 'work_dirs' / 'rcn_300w' / 'epoch_1.pth'
    meta = torch.load(path, weights_only=False)['meta']
    assert meta['iter'] == 3  # 11 faces in batches of 4


def test_mim_test_by_name(done: dict) -> None:
    log = check(done['test_rcn_mmpose'])
    assert 'Testing finished successfully' in log
    assert 'evaluated 2 of' in log


def test_mim_train_with_the_script_of_mmpose(done: dict, elsewhere: Path) -> None:
    log = check(done['train_mmpose'])
    assert 'mmpose/.mim/tools/train.py' in log.replace('rcn_mmpose', 'rcn')
    work = elsewhere / 'work_dirs' / 'by_mmpose'
    assert (work / 'epoch_1.pth').is_file()


def test_mim_gridsearch(done: dict, elsewhere: Path) -> None:
    log = check(done['gridsearch_rcn_mmpose'])
    assert 'search finished successfully' in log
    rates = set()
    for work in (elsewhere / 'work_dirs').glob('rate_search_*'):
        assert (work / 'epoch_1.pth').is_file()
        (config,) = work.glob('rcn_300w*.py')
        rates.add(Config.fromfile(config).optim_wrapper.optimizer.lr)
    assert rates == {1e-3, 2e-3}


def test_mim_search(done: dict) -> None:
    log = check(done['search_rcn_mmpose'])
    for model in models():
        assert model['Name'] in log
        assert str(model['Metadata']['Parameters']) in log


# -------------------------------------------------------------- a clone


def test_mim_in_a_clone(tmp_path: Path, fresh: Callable) -> None:
    """With the metadata of `make install`, mim finds files by links in .mim."""
    for name in SOURCES:
        (tmp_path / name).symlink_to(ROOT / name)
    made = fresh(
        '-c',
        'import setuptools; setuptools.setup()',
        '-q',
        'egg_info',
        cwd=tmp_path,
        PYTHONPATH='',
    )
    assert made.returncode == 0, made.stderr
    line = 'mim run rcn_mmpose get_flops configs/rcn_aflw.py'
    log = check(mim(line, tmp_path, tmp_path))
    assert f'{tmp_path}/rcn_mmpose/.mim/tools/analysis_tools/get_flops.py' in log
    assert 'Parameters: 310,229' in log
    # mim finds a config by its file name.
    code = """
from mim.utils import get_installed_path, recursively_find
root = get_installed_path('rcn_mmpose')
print(*recursively_find(root, 'rcn_aflw.py', followlinks=True))
"""
    found = fresh(
        '-W',
        'ignore',
        '-c',
        code,
        cwd=tmp_path,
        HOME=tmp_path,
        PYTHONPATH=tmp_path,
    )
    assert found.stdout.split() == [f'{tmp_path}/rcn_mmpose/.mim/configs/rcn_aflw.py']
