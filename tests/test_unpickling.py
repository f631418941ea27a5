"""Malicious checkpoints, and every call that unpickles.

docs/quality.md has the table.
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from test_inference.small_model import DENOISER, build, config
from torch.utils.data import DataLoader

from rcn_mmpose import load_model
from rcn_mmpose.cli import main
from rcn_mmpose.lab.paper.tested_faces import build_model
from rcn_mmpose.lab.paper.work_folder import best_checkpoint
from rcn_mmpose.models.pose_estimators.joint_estimator import JointEstimator

# Calls that may run code from a file or from another process.
UNPICKLING = re.compile(
    r'(pickle|dill|cloudpickle|joblib|shelve|marshal)\.(?!dumps?$|\w*Error$).*'
    r'|torch\.load|numpy\.load|scipy\.io\.loadmat|yaml\.(?!safe_).*load.*'
    r'|(.*\.)?(load_checkpoint|load_url|load_state_dict_from_url)'
    r'|mmengine\.(fileio\.)?load|(.*\.)?Config\.fromstring'
    r'|(.*\.)?(all_gather|gather|broadcast|scatter)_object(_list)?'
    r'|(.*\.)?collect_results(_cpu|_gpu)?'
    r'|multiprocessing\.(get_context|Process|Pool)'
    r'|eval|exec'
)
# Each is a row of the table.
KNOWN = {
    'rcn_mmpose/lab/benchmark/measured_process.py: get_context',
    'rcn_mmpose/device_data/cache.py: load',
    'rcn_mmpose/device_data/switch.py: all_gather_object',
    'rcn_mmpose/evaluation/face_nme.py: broadcast_object_list',
    'rcn_mmpose/evaluation/face_nme.py: collect_results',
    'rcn_mmpose/io/checkpoint.py: load_checkpoint',
    'rcn_mmpose/lab/paper/tables.py: load',
    'rcn_mmpose/lab/paper/tested_faces.py: load_checkpoint',
    'rcn_mmpose/lab/paper/work_folder.py: load',
    'tests/faults/fault_test.py: load',
    'tests/faults/kill_test.py: load',
    'tools/render_faces.py: get_context',
    'tools/report.py: load',
}


class Touch:
    """An object whose unpickling creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), 'w')


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Path]:
    """A file that exists if a program ran; it must not exist after the test."""
    path = tmp_path / 'ran'
    yield path
    assert not path.exists()


@pytest.fixture
def evil(tmp_path: Path, trace: Path) -> Path:
    """A malicious checkpoint of a small model: it creates the trace file."""
    path = tmp_path / 'evil.pth'
    meta = dict(cfg=config().pretty_text, harm=Touch(trace))
    torch.save(dict(meta=meta, state_dict=build().state_dict()), path)
    torch.load(path, weights_only=False)['meta']['harm'].close()
    trace.unlink()  # the checkpoint works, so the tests can fail
    return path


@pytest.fixture
def url(evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the malicious checkpoint, on this machine."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/{evil.name}'
        server.shutdown()


@pytest.fixture(params=['path', 'url'])
def source(request: pytest.FixtureRequest, evil: Path, url: str) -> str:
    return str(evil) if request.param == 'path' else url


def runner(folder: Path, **options: object) -> Runner:
    """Build MMEngine's runner like tools/test.py and tools/train.py."""
    cfg = dict(model=config().model, work_dir=str(folder), **options)
    name = str(folder).replace('/', '_')
    return Runner(**cfg, default_scope='mmpose', experiment_name=name)


# -------------------------------------------------- by path and by URL


def test_load_from(source: str, tmp_path: Path) -> None:
    """Also covers tools/test.py CHECKPOINT, which sets load_from."""
    made = runner(tmp_path / 'work', load_from=source)
    with pytest.raises(UnpicklingError, match='weights_only'):
        made.load_or_resume()


def test_resume_path(source: str, tmp_path: Path) -> None:
    """The path of tools/train.py --resume PATH."""
    made = runner(tmp_path / 'work', load_from=source, resume=True)
    with pytest.raises(UnpicklingError, match='weights_only'):
        made.load_or_resume()


def test_pretrained(source: str) -> None:
    backbone = dict(config().model.backbone)
    backbone['init_cfg'] = dict(type='Pretrained', checkpoint=source)
    model = build(backbone=backbone)
    with pytest.raises(UnpicklingError, match='weights_only'):
        model.init_weights()


def test_refiner_checkpoint(source: str) -> None:
    joint = dict(
        type='rcn_mmpose.JointEstimator',
        refiner=DENOISER,
        refiner_checkpoint=source,
    )
    model = build(**joint)
    assert isinstance(model, JointEstimator)
    with pytest.raises(UnpicklingError, match='weights_only'):
        model.load_state_dict(build().state_dict())


# ------------------------------------------------------------ by path


def test_resume_latest(evil: Path, tmp_path: Path) -> None:
    """The path that tools/train.py --resume finds."""
    (tmp_path / 'last_checkpoint').write_text(str(evil))
    made = runner(tmp_path, resume=True)
    with pytest.raises(UnpicklingError, match='weights_only'):
        made.load_or_resume()


def test_load_model(evil: Path, capsys: pytest.CaptureFixture) -> None:
    for arguments in ((evil,), (config(), evil)):
        with pytest.raises(ValueError, match=r'evil.pth.*could run a program'):
            load_model(*arguments)
    words = ['predict', '--model', str(evil), 'a.jpg']
    assert main([*words, '--out', str(evil.parent / 'out.json')]) == 2
    assert 'could run a program' in capsys.readouterr().err


def test_load_model_ignores_the_environment_variable(
    evil: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable allows the runner to unpickle, not the predictor."""
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    with pytest.raises(ValueError, match='could run a program'):
        load_model(evil)


def test_models_of_the_paper(evil: Path, tmp_path: Path) -> None:
    with pytest.raises(UnpicklingError, match='weights_only'):
        build_model(config(), str(evil))
    evil.rename(tmp_path / 'best_NME_epoch_1.pth')
    with pytest.raises(UnpicklingError, match='weights_only'):
        best_checkpoint(str(tmp_path))


def test_the_environment_variable_allows_unpickling(
    evil: Path, trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    made = runner(tmp_path / 'work', load_from=str(evil))
    with pytest.warns(UserWarning, match='TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'):
        made.load_or_resume()
    assert trace.exists()
    trace.unlink()


# --------------------------------------------- configs in checkpoints


def carry(path: Path, cfg: dict) -> Path:
    """Write a checkpoint with a config."""
    torch.save(
        dict(
            meta=dict(cfg=Config(cfg).pretty_text),
            state_dict=build().state_dict(),
        ),
        path,
    )
    return path


def test_a_config_in_a_checkpoint_calls_nothing(tmp_path: Path, trace: Path) -> None:
    """MMEngine would import and call an unregistered type."""
    cfg = config().to_dict()
    harm = dict(type='io.open', file=str(trace), mode='w')
    cfg['model']['head']['loss'] = harm
    path = carry(tmp_path / 'a.pth', cfg)
    with pytest.raises(ValueError, match=r"type='io.open'.*load_model\(CONF"):
        load_model(path)
    assert not trace.exists()
    with pytest.raises(Exception, match='.*'):  # noqa: B017 - not its point
        load_model(Config(cfg), path)  # a given config is trusted
    assert trace.exists()
    trace.unlink()


class Line(BaseModel):
    """A model with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs: torch.Tensor, data_samples: object, mode: str) -> dict:
        return dict(loss=(self.weight * inputs).sum())


def test_resuming_runs_no_text(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMEngine would run meta['config'] of a resumed checkpoint."""
    data = [dict(inputs=torch.ones(1), data_samples=0)] * 2

    def train(epochs: int, **options: object) -> Runner:
        model = Line()
        made = Runner(
            model,
            str(tmp_path / 'work'),
            train_dataloader=DataLoader(data),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)),
            experiment_name=f'{epochs}{tmp_path}'.replace('/', '_'),
            **options,
        )
        made.train()
        return made

    train(1)
    path = tmp_path / 'work' / 'epoch_1.pth'
    content = torch.load(path)
    content['meta']['config'] = text = f'open({str(trace)!r}, "w")\na = 1\n'
    torch.save(content, path)
    resumed = train(2, load_from=str(path), resume=True)
    assert resumed.epoch == 2 and not trace.exists()
    Config.fromstring(text, '.py')  # as MMEngine would have run it
    assert trace.exists()
    trace.unlink()


# ------------------------------------------------------------ the table


def suspects(text: str) -> Iterator[str]:
    """Yield the last names of calls that may unpickle.

    Calls with weights_only=True or allow_pickle=False cannot.
    """
    nodes = list(ast.walk(ast.parse(text)))
    meant = {}  # imported name -> full name
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, 'module', '') or ''
            for name in node.names:
                whole = f'{module}.{name.name}'.lstrip('.')
                meant[name.asname or name.name] = whole
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = ast.unparse(node.func).partition('.')
        name = meant.get(first, first) + dot + rest
        harmless = any(
            option.arg in ('weights_only', 'allow_pickle')
            and isinstance(option.value, ast.Constant)
            and option.value.value is (option.arg == 'weights_only')
            for option in node.keywords
        )
        if UNPICKLING.fullmatch(name) and not harmless:
            yield name.rpartition('.')[2]


def found(root: Path) -> set[str]:
    """Return all suspect calls of the package, its tools and its configs."""
    return {
        f'{path.relative_to(root).as_posix()}: {name}'
        for folder in ('rcn_mmpose', 'tools', 'configs')
        for path in sorted((root / folder).rglob('*.py'))
        if '.mim' not in path.parts
        for name in suspects(path.read_text(encoding='utf-8'))
    }


def test_nothing_else_unpickles(root: Path) -> None:
    assert found(root) <= KNOWN


@pytest.mark.parametrize(
    'text',
    [
        'import torch\ntorch.load(a)',
        'import torch\ntorch.load(a, weights_only=False)',
        'import torch\ntorch.load(a, weights_only=b)',
        'from torch import load as read\nread(a)',
        'import numpy as np\nnp.load(a, allow_pickle=True)',
        'import pickle\npickle.Unpickler(a).load()',
        'from pickle import loads\nloads(a)',
        'import scipy.io\nscipy.io.loadmat(a)',
        'from scipy.io import loadmat\nloadmat(a)',
        'from mmengine.fileio import load\nload(a)',
        'import mmengine\nmmengine.load(a)',
        'CheckpointLoader.load_checkpoint(a)',
        'self.loader.load_checkpoint(a)',
        'eval(a)',
        'import yaml\nyaml.load(a)',
        'import shelve\nshelve.open(a)',
    ],
)
def test_calls_that_unpickle(text: str) -> None:
    assert list(suspects(text))


@pytest.mark.parametrize(
    'text',
    [
        'import torch\ntorch.load(a, weights_only=True)',
        'import numpy as np\nnp.load(a, allow_pickle=False)',
        'import json\njson.load(a)',
        'import pickle\npickle.dumps(a)',
        'import yaml\nyaml.safe_load(a)',
        'model.eval()',
        'dataset.load(a)',
    ],
)
def test_calls_that_do_not_unpickle(text: str) -> None:
    assert list(suspects(text)) == []


def test_each_call_is_in_the_table(root: Path) -> None:
    text = (root / 'docs' / 'quality.md').read_text(encoding='utf-8')
    rows = [row for row in text.splitlines() if row.startswith('| ')]
    for line in KNOWN:
        path, name = line.split(': ')
        assert any(f'`{path}`' in row and name in row for row in rows), line
