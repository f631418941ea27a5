"""Predictors in other processes: after a fork, and by pickles."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from copy import copy, deepcopy
from pathlib import Path

import numpy as np
import pytest

from rcn_mmpose import load_model
from rcn_mmpose.detect import HaarDetector
from rcn_mmpose.inference import Predictor, TorchPredictor

from .several import KINDS, make
from .small_model import build, config, random_crops, write_checkpoint
from .test_threads import check_equal

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

IMAGE = random_crops(1, side=90)[0]
BOXES = [[10, 10, 70, 70], [20, 15, 80, 75]]

# Fork, predict in the child, and end it as asked; a child that hangs is killed.
FORKED = """
import os, sys, time
import numpy as np
from rcn_mmpose import load_model
runtime, used, ending = sys.argv[1:]
model = load_model('rcn-5', runtime=runtime, detector='haar')
image = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype('uint8')
boxes = [[20, 20, 180, 180]] * 9
if used == 'used':
    before = model(image, boxes)
    model(image)
for _ in range(4):
    child = os.fork()
    if child == 0:
        twin = model.with_detector(None)
        result = twin(image, boxes)
        model(image)
        same = used != 'used' or (result.keypoints == before.keypoints).all()
        if ending == 'exit':
            sys.exit(0 if same else 3)
        os._exit(0 if same else 3)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        sys.exit('the child hangs')
    assert status == 0, status
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system has no fork')
@pytest.mark.parametrize('ending', ['at once', 'exit'])
@pytest.mark.parametrize('used', ['loaded', 'used'])
@pytest.mark.parametrize('runtime', ['torch', 'onnx'])
def test_a_forked_process_predicts(
    runtime: str, used: str, ending: str, fresh: Callable, tmp_path: Path
) -> None:
    # With two threads: one has no threads to lose.
    done: subprocess.CompletedProcess = fresh(
        *('-c', FORKED, runtime, used, ending), cwd=tmp_path, OMP_NUM_THREADS=2
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_loading_leaves_no_threads(fresh: Callable, tmp_path: Path) -> None:
    """The threads of OpenMP that load the model belong to no thread that lives on."""
    code = """
import os, sys, time
tasks = '/proc/self/task'
if not os.path.isdir(tasks):
    sys.exit()
from rcn_mmpose import compat, load_model
compat.activate()
import mmpose.models, rcn_mmpose.models  # some packages start threads
before = set(os.listdir(tasks))
load_model('rcn-5', runtime='torch')
end = time.monotonic() + 20
while set(os.listdir(tasks)) - before and time.monotonic() < end:
    time.sleep(0.02)
assert not set(os.listdir(tasks)) - before
"""
    done = fresh('-c', code, cwd=tmp_path, OMP_NUM_THREADS=2)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Predictor:
    """A predictor of each kind, with options and a detector."""
    made = make(request.param, tmp_path, batch_size=3)
    return made.with_detector(HaarDetector(neighbours=3), dict(rule='detection'))


def test_pickles_and_copies(
    model: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = model(IMAGE, BOXES)
    content = pickle.dumps(model)
    assert len(content) < 20_000
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    for twin in (pickle.loads(content), deepcopy(model), copy(model)):
        assert twin is not model and type(twin) is type(model)
        check_equal(twin(IMAGE, BOXES), expected)
        assert twin.info == model.info and twin.info.box_rule['rule'] == 'detection'
        assert twin.batch_size == 3 and twin.detector.neighbours == 3
        assert twin.second_pass == model.second_pass
    # A shallow copy shares the network, as with_detector does.
    name = model.opened
    assert getattr(copy(model), name) is getattr(model, name)
    assert getattr(deepcopy(model), name) is not getattr(model, name)


def test_threads_of_onnxruntime_travel(tmp_path: Path) -> None:
    from rcn_mmpose.inference import OnnxPredictor

    made = make('onnx', tmp_path)
    twin = pickle.loads(pickle.dumps(OnnxPredictor(made.path, threads=1)))
    options = twin.session.get_session_options()
    assert twin.threads == options.intra_op_num_threads == 1


def test_a_deep_copy_has_the_weights_in_memory(checkpoint: Path) -> None:
    model = load_model(checkpoint)
    model.network.model.head.last_conv.bias.data += 1
    twin = deepcopy(model)
    bias = twin.network.model.head.last_conv.bias
    assert (bias == model.network.model.head.last_conv.bias).all()


def test_a_model_without_a_file_travels_with_its_weights() -> None:
    made = TorchPredictor(build(), load_info())
    content = pickle.dumps(made)
    assert len(content) > 20_000
    check_equal(pickle.loads(content)(IMAGE, BOXES), made(IMAGE, BOXES))


def load_info() -> object:
    from rcn_mmpose.inference import ModelInfo

    return ModelInfo((40, 40), tuple('abcde'))


def test_a_config_in_memory_travels(checkpoint: Path) -> None:
    made = load_model(config(), checkpoint)
    content = pickle.dumps(made)
    assert len(content) < 20_000
    check_equal(pickle.loads(content)(IMAGE, BOXES), made(IMAGE, BOXES))


@pytest.mark.parametrize('kind', ['torch', 'onnx'])
def test_a_file_that_changed_or_is_gone(kind: str, tmp_path: Path) -> None:
    content = pickle.dumps(make(kind, tmp_path))
    path = Path(pickle.loads(content).path)
    if kind == 'torch':
        write_checkpoint(path, config(), build(seed=1))
    else:
        path.write_bytes(path.read_bytes() + b'\0')
    with pytest.raises(ValueError, match='has changed since .* load it again'):
        pickle.loads(content)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='Copy the file to the same place'):
        pickle.loads(content)


def test_a_config_that_changed(tmp_path: Path) -> None:
    content = pickle.dumps(make('two files', tmp_path))
    path = tmp_path / 'config.py'
    path.write_text(path.read_text() + 'model["head"]["decoder"]["score_radius"] = 9.0')
    with pytest.raises(ValueError, match='radius differs'):
        pickle.loads(content)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['torch', 'onnx'])
def test_a_pool_of_spawned_processes(kind: str, tmp_path: Path) -> None:
    made = make(kind, tmp_path)
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, context) as pool:
        found = pool.submit(made.predict, IMAGE, BOXES).result(timeout=120)
    np.testing.assert_allclose(found.keypoints, made(IMAGE, BOXES).keypoints, atol=1e-3)


@pytest.mark.slow
def test_joblib(tmp_path: Path) -> None:
    joblib = pytest.importorskip('joblib')
    made = make('onnx', tmp_path)
    jobs = [joblib.delayed(made.predict)(IMAGE, BOXES)] * 2
    for found in joblib.Parallel(n_jobs=2)(jobs):
        check_equal(found, made(IMAGE, BOXES))
