"""Each workaround: the fault exists without it and not with it."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.utils import package_utils

from rcn_mmpose import compat

Fresh = Callable[..., subprocess.CompletedProcess]

# Hides packages, as if they were not installed.
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {names}:
            raise ModuleNotFoundError(f'No module named {{name!r}}')
sys.meta_path.insert(0, Block())
"""
# Prints the names of the active workarounds.
ACTIVATE = """
from rcn_mmpose import compat
compat.activate()
import mmpose.models, mmpose.datasets, mmpose.visualization, mmpose.apis
print('active:', *[w.name for w in compat.active()], sep='|')
"""


@pytest.fixture
def check(fresh: Fresh, tmp_path: Path) -> Callable[..., list[str]]:
    """A function that runs code and returns the active workarounds."""

    def run(code: str, **environment: object) -> list[str]:
        done = fresh('-c', code, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        last = [x for x in done.stdout.splitlines() if x.startswith('active:')]
        return last[-1].split('|')[1:] if last else []

    return run


def package(folder: Path, **modules: str) -> Path:
    """Write a package; return the folder for the import path."""
    folder.mkdir(parents=True)
    for name, code in modules.items():
        (folder / f'{name}.py').write_text(code)
    return folder.parent


def path_with(folder: Path) -> str:
    return f'{folder}{os.pathsep}{Path(compat.__file__).parents[1]}'


# ------------------------------------------------------------ the import


@pytest.mark.parametrize('name', ['rcn_mmpose', 'rcn_mmpose.compat'])
def test_import_is_light(fresh: Fresh, tmp_path: Path, name: str) -> None:
    code = f"""
import sys, time
start = time.perf_counter()
import {name}
print(time.perf_counter() - start)
heavy = {{'torch', 'numpy', 'cv2', 'mmengine', 'mmcv', 'mmpose'}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    seconds = []
    for _ in range(5):  # other work on the machine may slow a run down
        done = fresh('-c', code, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        seconds.append(float(done.stdout))
    assert min(seconds) < 0.3


def test_mmpose_does_not_import_without_us(fresh: Fresh, tmp_path: Path) -> None:
    done = fresh('-c', 'import mmpose.models', cwd=tmp_path)
    if done.returncode == 0:
        pytest.skip('Here MMPose works by itself.')
    assert 'Error: ' in done.stderr


def test_everything_imports_with_us(check: Callable) -> None:
    names = check(
        ACTIVATE
        + """
# MMEngine must not detect the stub as mmcv's operators. Its fork does, because it
# asks for the stub's spec; the names that the fork imports from mmcv.ops exist.
from mmengine.utils.dl_utils import misc
if 'mmcv operators' in [w.name for w in compat.active()]:
    assert misc.mmcv_full_available() != hasattr(misc, 'pkgutil')
import torch
from mmengine.model import revert_sync_batchnorm
revert_sync_batchnorm(torch.nn.Sequential(torch.nn.SyncBatchNorm(3)))
if 'torchvision' in [w.name for w in compat.active()]:
    import importlib.util
    assert importlib.util.find_spec('torchvision') is None
# Each training describes the environment; this still works.
from mmcv.utils import collect_env
collect_env()
"""
    )
    assert 'weights_only' in names


def test_late_and_repeated_activation(check: Callable) -> None:
    check(
        """
import threading
import torch, mmengine.runner, mmcv.cnn.bricks.transformer
from rcn_mmpose import compat
assert compat.active() == []
threads = [threading.Thread(target=compat.activate) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
reasons = [w.reason for w in compat.WORKAROUNDS]
compat.activate()
assert reasons == [w.reason for w in compat.WORKAROUNDS]
import mmpose.models
"""
    )


# --------------------------------------------------------- pkg_resources


def test_pkg_resources(check: Callable, tmp_path: Path) -> None:
    if 'pkg_resources' not in inspect.getsource(package_utils):
        pytest.skip('This MMEngine does without pkg_resources.')
    config = tmp_path / 'config.py'
    config.write_text("_base_ = ['mmpose::_base_/default_runtime.py']\n")
    names = check(
        BLOCK.format(names={'pkg_resources'})
        + """
from mmengine.utils import is_installed, get_installed_path
try:
    is_installed('mmpose')
except ModuleNotFoundError as error:
    assert 'pkg_resources' in str(error)
else:
    raise SystemExit('The fault does not show.')
"""
        + ACTIVATE
        + f"""
import os
import mmpose
from mmengine.utils.package_utils import package2module
home = os.path.dirname(mmpose.__file__)
for _ in range(2):
    assert is_installed('mmpose') and not is_installed('rcn_no_such')
    assert get_installed_path('mmpose') == home
assert package2module('opencv-python-headless') == 'cv2'
from mmengine.config import Config
assert Config.fromfile({str(config)!r}).default_scope == 'mmpose'
"""
    )
    assert 'pkg_resources' in names


def test_pkg_resources_finds_an_editable_package(
    check: Callable, tmp_path: Path
) -> None:
    package(tmp_path / 'source' / 'rcn_editable', __init__='')
    info = tmp_path / 'site' / 'rcn_editable-1.0.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text('Name: rcn_editable\nVersion: 1.0\n')
    (info / 'top_level.txt').write_text('rcn_editable\n')
    path = os.pathsep.join([str(tmp_path / 'source'), path_with(tmp_path / 'site')])
    check(
        BLOCK.format(names={'pkg_resources'})
        + f"""
from rcn_mmpose import compat
compat.WORKAROUNDS[0].apply()
from mmengine.utils import get_installed_path
found = get_installed_path('rcn_editable')
assert found == {str(tmp_path / 'source' / 'rcn_editable')!r}, found
""",
        PYTHONPATH=path,
    )


# ------------------------------------------------------------------- six


def test_six(check: Callable) -> None:
    # The dateutil of matplotlib may need the real six: it comes first.
    names = check(
        'import matplotlib.pyplot, sys\n'
        "for name in [n for n in sys.modules if n.startswith('six')]:\n"
        '    del sys.modules[name]\n' + BLOCK.format(names={'six'}) + ACTIVATE
    )
    assert 'six' in names


# ----------------------------------------------------------- xtcocotools


def test_broken_xtcocotools(check: Callable, tmp_path: Path) -> None:
    broken = "raise ValueError('numpy.dtype size changed')"
    path = package(tmp_path / 'site' / 'xtcocotools', __init__='', coco=broken)
    names = check(
        ACTIVATE
        + """
import xtcocotools.mask
from xtcocotools.coco import COCO
assert COCO.__module__ == 'pycocotools.coco'
""",
        PYTHONPATH=path_with(path),
    )
    assert 'xtcocotools' in names


def test_working_xtcocotools_is_used(check: Callable, tmp_path: Path) -> None:
    path = package(
        tmp_path / 'site' / 'xtcocotools',
        __init__='',
        coco='class COCO: pass',
        cocoeval='class COCOeval: pass',
        mask='',
    )
    names = check(
        ACTIVATE
        + """
from xtcocotools.coco import COCO
assert COCO.__module__ == 'xtcocotools.coco'
""",
        PYTHONPATH=path_with(path),
    )
    assert 'xtcocotools' not in names


def test_stand_in_for_cocoeval() -> None:
    compat.activate()
    if 'xtcocotools' not in [w.name for w in compat.active()]:
        pytest.skip('Here xtcocotools works.')
    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = dict(
        info={},
        images=[dict(id=1)],
        categories=[dict(id=1, name='face')],
        annotations=[
            dict(
                id=1,
                image_id=1,
                category_id=1,
                iscrowd=0,
                area=10000.0,
                bbox=[0, 0, 100, 100],
                num_keypoints=2,
                keypoints=[20, 20, 2, 80, 80, 2],
            )
        ],
    )
    truth.createIndex()
    # Both points off by e = 10: exp(-e^2 / (2 area (2 sigma)^2)) is the
    # similarity, 0.607 for sigma 0.05 and 0.882 for sigma 0.1.
    guess = truth.loadRes(
        [
            dict(
                image_id=1,
                category_id=1,
                score=1.0,
                keypoints=[30, 20, 1, 80, 90, 1],
            )
        ]
    )
    for sigma, expected in ((0.05, np.exp(-0.5)), (0.1, np.exp(-0.125))):
        run = COCOeval(truth, guess, 'keypoints', np.full(2, sigma), True)
        run.params.useSegm = None
        run.evaluate()
        assert run.ious[1, 1].item() == pytest.approx(expected)
    for arguments in (('keypoints_crowd', None, True), ('bbox', None, False)):
        with pytest.raises(RuntimeError, match='build xtcocotools'):
            COCOeval(truth, guess, *arguments)


# ---------------------------------------------------------- weights_only


class Code:
    """An object that runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


class Attribute:
    """An object that reads an attribute of a class when it is unpickled."""

    def __init__(self, owner: type, name: str) -> None:
        self.arguments = owner, name

    def __reduce__(self) -> tuple:
        return getattr, self.arguments


def test_checkpoint_with_arrays_loads(fresh: Fresh, tmp_path: Path) -> None:
    compat.activate()
    from mmengine.logging import HistoryBuffer

    history = HistoryBuffer([1.0, 3.0], [1, 1])
    meta = dict(
        sigmas=np.array([]),
        colors=np.array([[1, 2, 3]], np.uint8),
        weights=np.ones(5, np.float32),
        flags=np.array([True, False]),
        best=np.float32(0.25),
        eta=np.float64(2.5),
        count=np.int64(3),
    )
    file = tmp_path / 'checkpoint.pth'
    torch.save(dict(meta=meta, hub=history, w=torch.ones(2)), file)
    loaded = torch.load(file)
    for key, value in meta.items():
        assert loaded['meta'][key].dtype == value.dtype
        np.testing.assert_array_equal(loaded['meta'][key], value)
    assert loaded['hub'].mean() == 2.0
    assert loaded['hub'].statistics('max') == 3.0
    done = fresh('-c', f'import torch; torch.load({str(file)!r})', cwd='/')
    assert 'UnpicklingError' in done.stderr


def test_checkpoint_of_numpy_1_loads(tmp_path: Path) -> None:
    compat.activate()
    file = tmp_path / 'checkpoint.pth'
    torch.save([np.arange(3), np.float64(1.5)], file, pickle_protocol=2)
    # In numpy 1 the functions were in numpy.core, without underscore.
    old = tmp_path / 'old.pth'
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(old, 'w') as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith('data.pkl'):
                assert b'numpy._core.' in data or np.__version__ < '2'
                data = data.replace(b'numpy._core.', b'numpy.core.')
            target.writestr(name, data)
    array, number = torch.load(old)
    assert array.tolist() == [0, 1, 2] and number == 1.5


def test_checkpoint_with_code_is_refused(tmp_path: Path) -> None:
    compat.activate()
    from mmengine.logging import HistoryBuffer

    proof = tmp_path / 'ran'
    file = tmp_path / 'checkpoint.pth'
    for harm in (
        Code(f'touch {proof}'),
        Attribute(HistoryBuffer, '__init__'),
        Attribute(np.ndarray, 'tofile'),
    ):
        torch.save(dict(meta=harm), file)
        with pytest.raises(pickle.UnpicklingError):
            torch.load(file)
    assert not proof.exists()
    # Without the check the file runs its code, so this test can fail.
    torch.save(dict(meta=Code(f'touch {proof}')), file)
    torch.load(file, weights_only=False)
    assert proof.exists()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder on this machine."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def test_code_is_not_run_by_url_either(
    tmp_path: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compat.activate()
    from mmengine.runner import CheckpointLoader

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    torch.save(dict(w=torch.ones(2)), tmp_path / 'good.pth')
    loaded = CheckpointLoader.load_checkpoint(f'{served}/good.pth', 'cpu')
    assert torch.equal(loaded['w'], torch.ones(2))
    proof = tmp_path / 'ran'
    torch.save(dict(meta=Code(f'touch {proof}')), tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        CheckpointLoader.load_checkpoint(f'{served}/bad.pth', 'cpu')
    assert not proof.exists()
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    CheckpointLoader.load_checkpoint(f'{served}/bad.pth', 'cpu')
    assert proof.exists()


def test_the_fork_does_not_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMEngine's fork loads by its own function, which this test adds."""
    from mmengine.runner import checkpoint

    compat.activate()
    proof, file = tmp_path / 'ran', tmp_path / 'bad.pth'
    torch.save(dict(meta=Code(f'touch {proof}')), file)

    def fall_back(path: Path, **options: object) -> dict:
        return torch.load(path, weights_only=False)

    monkeypatch.setattr(checkpoint, '_safe_torch_load', fall_back, raising=False)
    (repair,) = [
        fault.apply
        for fault in compat.WORKAROUNDS
        if fault.name == 'weights_only of the fork'
    ]
    assert 'falls back' in repair()
    with pytest.raises(pickle.UnpicklingError):
        checkpoint._safe_torch_load(file, map_location='cpu')
    assert not proof.exists()


# -------------------------------------------------------- mmcv operators


def test_missing_operator_says_so() -> None:
    compat.activate()
    if 'mmcv operators' not in [w.name for w in compat.active()]:
        pytest.skip('Here mmcv has its operators.')
    import mmcv.ops

    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    with pytest.raises(RuntimeError, match="operator 'nms'.*build mmcv"):
        mmcv.ops.nms(boxes, torch.ones(1), 0.5)
    # Functions that MMCV also implements in plain torch work.
    attention = mmcv.ops.MultiScaleDeformableAttention(
        embed_dims=8, num_heads=2, num_levels=1, num_points=2
    )
    out = attention(
        torch.randn(4, 1, 8),
        value=torch.randn(4, 1, 8),
        reference_points=torch.rand(1, 4, 1, 2),
        spatial_shapes=torch.tensor([[2, 2]]),
        level_start_index=torch.tensor([0]),
    )
    assert out.shape == (4, 1, 8)


# ----------------------------------------------------------------- mmdet


@pytest.mark.parametrize(
    'before',
    [
        BLOCK.format(names={'mmdet'}),
        "import mmcv\nmmcv.__version__ = '2.2.0'  # mmdet asserts < 2.2.0\n",
    ],
    ids=['missing', 'refuses mmcv'],
)
def test_mmdet(check: Callable, before: str) -> None:
    names = check(
        before
        + ACTIVATE
        + """
import torch
from mmpose.models.heads.hybrid_heads import rtmo_head
assert rtmo_head.reduce_mean(torch.ones(2)).tolist() == [1, 1]
from mmpose.apis.inferencers import base_mmpose_inferencer as inferencer
assert not inferencer.has_mmdet
"""
    )
    assert 'mmdet' in names


# ----------------------------------------------------------- torchvision


def test_broken_torchvision(check: Callable, tmp_path: Path) -> None:
    path = package(
        tmp_path / 'site' / 'torchvision',
        __init__='from . import ops\n'
        "raise RuntimeError('operator torchvision::nms does not exist')",
        ops='',
    )
    names = check(
        ACTIVATE
        + """
from mmengine.utils.dl_utils import collect_env
assert 'TorchVision' not in collect_env()
import torch, numpy
from mmpose.visualization.simcc_vis import SimCCVisualizer
maps = torch.rand(2, 24, 32)
image = numpy.zeros((24, 32, 3), numpy.uint8)
drawn = SimCCVisualizer().draw_instance_xy_heatmap(maps, image)
assert drawn.ndim == 3 and drawn.any()
""",
        PYTHONPATH=path_with(path),
    )
    assert 'torchvision' in names


def test_working_torchvision_is_used(check: Callable, tmp_path: Path) -> None:
    path = package(
        tmp_path / 'site' / 'torchvision',
        __init__="__version__ = '9.9'",
        transforms='class ToPILImage: pass',
    )
    names = check(
        ACTIVATE
        + """
from mmpose.visualization import simcc_vis
assert simcc_vis.ToPILImage.__module__ == 'torchvision.transforms'
""",
        PYTHONPATH=path_with(path),
    )
    assert 'torchvision' not in names


# ---------------------------------------------------------- draw_circles


def test_draw_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    compat.activate()
    from mmpose.visualization import PoseLocalVisualizer
    from mmpose.visualization import opencv_backend_visualizer as module

    def strict(value: object) -> int:
        # The int() that an array meets in numpy 2.4.
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError('only 0-dimensional arrays can be converted')
        return int(value)

    monkeypatch.setattr(module, 'int', strict, raising=False)
    visualizer = PoseLocalVisualizer(backend='opencv')
    visualizer.set_image(np.zeros((20, 20, 3), np.uint8))
    point = dict(
        center=np.array([10.0, 10.0]),
        radius=np.array([3]),
        face_colors=(255, 255, 255),
    )
    owner = module.OpencvBackendVisualizer
    if 'draw_circles' not in [w.name for w in compat.active()]:
        with pytest.raises(TypeError, match='0-dimensional'):
            visualizer.draw_circles(**point)
        monkeypatch.setattr(owner, 'draw_circles', owner.draw_circles)
        monkeypatch.setattr(np, 'ones', lambda shape: [1.0])
        draw = next(w for w in compat.WORKAROUNDS if w.name == 'draw_circles')
        assert 'TypeError' in draw.apply()
    visualizer.draw_circles(**point)
    assert visualizer.get_image()[10, 10].tolist() == [255] * 3


# ---------------------------------------------- MMPose's own train script

CONFIG = """
_base_ = [
    'mmpose::_base_/default_runtime.py',
    'mmpose::_base_/datasets/300w.py',
]
custom_imports = dict(imports=['rcn_mmpose.registry'])

train_cfg = dict(max_epochs=1, val_interval=1, by_epoch=True)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=2, by_epoch=False),
    dict(type='MultiStepLR', milestones=[1], by_epoch=True),
]
codec = dict(
    type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5
)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127] * 3,
                           std=[64] * 3, bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, base_channels=8),
    head=dict(type='HeatmapHead', in_channels=64, out_channels=68,
              deconv_out_channels=(8, 8, 8), deconv_kernel_sizes=(4, 4, 4),
              loss=dict(type='KeypointMSELoss', use_target_weight=True),
              decoder=codec),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(64, 64)),
    dict(type='PackPoseInputs'),
]
train_pipeline = val_pipeline[:3] + [
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
data = dict(type='Face300WDataset', data_root='', data_mode='topdown',
            ann_file='faces.json', data_prefix=dict(img=''))
train_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline, **data))
val_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(pipeline=val_pipeline, test_mode=True, **data))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='NME', rule='less'))
val_evaluator = dict(type='NME', norm_mode='keypoint_distance')
test_evaluator = val_evaluator
"""


def write_faces(folder: Path, count: int = 4) -> None:
    """Write noise images with 68 random keypoints as a COCO-style dataset."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for index in range(count):
        image = rng.integers(0, 255, (96, 96, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f'{index}.png'), image)
        points = np.full((68, 3), 2.0)
        points[:, :2] = rng.uniform(20, 76, (68, 2))
        images.append(dict(id=index, file_name=f'{index}.png', width=96, height=96))
        annotations.append(
            dict(
                id=index,
                image_id=index,
                category_id=1,
                iscrowd=0,
                area=5776,
                bbox=[10, 10, 76, 76],
                center=[48, 48],
                scale=0.4,
                num_keypoints=68,
                keypoints=points.ravel().tolist(),
            )
        )
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='face')],
    )
    (folder / 'faces.json').write_text(json.dumps(content))


def test_scripts_of_mmpose(fresh: Fresh, tmp_path: Path) -> None:
    """Train, resume and test with MMPose's scripts; the config imports rcn_mmpose."""
    import mmpose

    tools = Path(mmpose.__file__).parent / '.mim' / 'tools'
    write_faces(tmp_path)
    line = "custom_imports = dict(imports=['rcn_mmpose.registry'])\n"
    assert CONFIG.count('rcn_mmpose') == 1 and line in CONFIG
    (tmp_path / 'config.py').write_text(CONFIG)
    (tmp_path / 'foreign.py').write_text(CONFIG.replace(line, ''))

    def script(name: str, *arguments: str) -> str:
        done = fresh(tools / name, *arguments, cwd=tmp_path)
        text = done.stdout + done.stderr
        return f'{text}\nstatus {done.returncode}'

    train = script('train.py', 'config.py', '--work-dir', 'work')
    assert train.endswith('status 0'), train
    first, second = (tmp_path / 'work' / f'epoch_{n}.pth' for n in (1, 2))
    assert first.exists()
    foreign = script('train.py', 'foreign.py', '--work-dir', 'foreign')
    if foreign.endswith('status 0'):
        pytest.skip('Here MMPose works by itself.')
    assert not (tmp_path / 'foreign' / 'epoch_1.pth').exists()

    longer = ('--cfg-options', 'train_cfg.max_epochs=2')
    resume = script('train.py', 'config.py', '--work-dir', 'work', '--resume', *longer)
    assert resume.endswith('status 0'), resume
    assert 'resumed epoch: 1' in resume and second.exists()

    test = script('test.py', 'config.py', str(second), '--work-dir', 'test')
    assert test.endswith('status 0'), test
    assert 'NME:' in test

    # The high-level interface, on the same checkpoint.
    compat.activate()
    from mmpose.apis import inference_topdown, init_model

    model = init_model(str(tmp_path / 'config.py'), str(second), device='cpu')
    (result,) = inference_topdown(model, str(tmp_path / '0.png'))
    assert result.pred_instances.keypoints.shape == (1, 68, 2)
    assert model.dataset_meta['dataset_name'] == '300w'
