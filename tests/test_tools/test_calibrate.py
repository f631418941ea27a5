"""tools/calibrate.py and tools/analysis_tools/hidden_keypoints.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from conftest import load_tool
from fake_mtfl import make_mtfl
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from rcn_mmpose import load_model
from rcn_mmpose.inference.estimator import load_estimator
from rcn_mmpose.lab.calibration.map_statistics import UNIT, collect_statistics
from rcn_mmpose.lab.calibration.reliability import BINS


@pytest.fixture(scope='module')
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small config with 24 validation faces, and weights."""
    folder = tmp_path_factory.mktemp('experiment')
    mtfl = make_mtfl(folder / 'data' / 'mtfl', train=30)
    load_tool('dataset_converters/mtfl2coco.py').main(
        [
            str(mtfl),
            '--out',
            str(folder / 'data' / 'annotations'),
            '--validation',
            '24',
        ]
    )
    root = Path(__file__).resolve().parents[2]
    cfg = Config.fromfile(root / 'configs' / 'rcn_aflw.py')
    cfg.model.backbone.num_branches = 4
    cfg.val_dataloader.dataset.data_root = f'{folder}/data/'
    cfg.dump(folder / 'config.py')
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    torch.nn.init.normal_(model.head.last_conv.weight, std=0.3)
    torch.save(
        dict(
            meta=dict(cfg=cfg.pretty_text, epoch=3),
            state_dict=model.state_dict(),
            optimizer=dict(state=1),
        ),
        folder / 'weights.pth',
    )
    return folder


@pytest.fixture
def calibrate() -> ModuleType:
    return load_tool('calibrate.py')


@pytest.fixture(scope='module')
def done(experiment: Path) -> Path:
    """The folder with the output files of the tool."""
    out = experiment / 'out'
    load_tool('calibrate.py').main(
        [
            str(experiment / 'config.py'),
            str(experiment / 'weights.pth'),
            *('--out', str(out / 'calibrated.pth')),
            *('--json', str(out / 'figures.json')),
            *('--plot', str(out / 'reliability.png')),
        ]
    )
    return out


def test_the_output_of_the_calibration(done: Path) -> None:
    figures = json.loads((done / 'figures.json').read_text())
    assert figures['faces'] == 24 and figures['radius_cells'] == 3
    assert figures['after']['keypoints'] == 120
    assert figures['after']['coverage']['90'] == pytest.approx(0.9)
    # The fit minimises this loss; temperature 1.0 is one of its choices.
    assert figures['after']['log_loss'] <= figures['before']['log_loss']
    assert len(figures['held_out']) == 40
    bins = figures['first_halving']['bins']
    assert len(bins['count']) == BINS and sum(bins['count']) == 120
    assert cv2.imread(str(done / 'reliability.png')).std() > 5


def test_statistics_equal_the_predictions(experiment: Path) -> None:
    cfg = Config.fromfile(experiment / 'config.py')
    path = experiment / 'weights.pth'
    model = load_estimator(cfg, path)[0].eval()
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    seen = collect_statistics(model, dataset, batch_size=5)
    assert 'output_heatmaps' not in model.test_cfg
    predictor = load_model(path)
    for i in range(24):
        packed = dataset[i]
        face = packed['data_samples'].metainfo['raw_ann_info']
        x, y, side, height = face['bbox']
        assert side == pytest.approx(height, abs=1e-3)
        truth = np.array(face['keypoints']).reshape(5, 3)[:, :2]
        truth = (truth - (x, y)) / side * 80
        keypoints, confidence, covariance = predictor.predict_crops(
            packed['inputs'].numpy()
        )
        np.testing.assert_allclose(seen.offset[i], truth - keypoints[0], atol=2e-3)
        np.testing.assert_allclose(seen.confidence[UNIT, i], confidence[0], atol=1e-4)
        np.testing.assert_allclose(
            seen.covariance[i], covariance[0], rtol=1e-3, atol=1e-2
        )
        square = seen.spread[UNIT, i] - seen.covariance[i]
        assert (np.linalg.eigvalsh(square) > -1e-3).all()
    assert seen.labelled.all() and seen.radius == 3


def test_the_checkpoint_is_calibrated(done: Path, experiment: Path) -> None:
    wanted = json.loads((done / 'figures.json').read_text())['calibration']
    path = done / 'calibrated.pth'
    content = torch.load(path, weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    assert content['meta']['epoch'] == 3  # other metadata are kept
    plain = load_model(experiment / 'weights.pth')
    found = load_model(path)
    assert plain.info.calibration is None
    assert found.info.calibration == wanted
    crops = np.random.default_rng(0).integers(0, 255, (3, 80, 80))
    before, after = (m.predict_crops(crops.astype(np.uint8)) for m in (plain, found))
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).any()
    # A second calibration gives the same result.
    calibrated = load_tool('calibrate.py')
    calibrated.main(
        [
            str(experiment / 'config.py'),
            str(path),
            *('--json', str(done / 'again.json')),
        ]
    )
    again = json.loads((done / 'again.json').read_text())
    assert again['calibration'] == wanted


def test_tools_test_uses_the_calibration(
    done: Path, experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tools/test.py uses the calibration of the checkpoint."""
    wanted = json.loads((done / 'figures.json').read_text())['calibration']
    tool = load_tool('test.py')
    for checkpoint, expected in (
        (done / 'calibrated.pth', wanted),
        (experiment / 'weights.pth', None),
    ):
        config = str(experiment / 'config.py')
        monkeypatch.setattr(sys, 'argv', ['test.py', config, str(checkpoint)])
        args = tool.parse_args()
        cfg, _ = tool.edited_config(args, tool.TEST_EDITS)
        assert cfg.model.head.decoder.get('calibration') == expected


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--out', 'a.onnx'], 'must end in .pth'),
        (['--cfg-options', 'val_dataloader=None'], '--faces'),
    ],
)
def test_wrong_input(
    calibrate: ModuleType,
    experiment: Path,
    arguments: list[str],
    message: str,
) -> None:
    files = [str(experiment / n) for n in ('config.py', 'weights.pth')]
    with pytest.raises(ValueError, match=message):
        calibrate.main([*files, *arguments])


# ---------------------------------------------------- hidden keypoints


def hidden(experiment: Path, *arguments: str) -> None:
    load_tool('analysis_tools/hidden_keypoints.py').main(
        [
            str(experiment / 'config.py'),
            str(experiment / 'weights.pth'),
            *arguments,
        ]
    )


def test_pasted_objects(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out, sheet = tmp_path / 'a.json', tmp_path / 'a.png'
    paste = ['--paste', '--json', str(out)]
    hidden(experiment, *paste, '--sheet', str(sheet))
    first = json.loads(out.read_text())
    assert 'covered by objects' in capsys.readouterr().out
    assert first['faces'] == 24 and first['hidden'] > 0
    assert first['hidden'] + first['seen'] == 120
    assert 0 <= first['low'] <= first['area'] <= first['high'] <= 1
    # The values are fractions of whole numbers of keypoints.
    near = first['near_hidden'] * first['hidden']
    near += first['near_seen'] * first['seen']
    assert near == pytest.approx(round(near)) and near < 120
    assert cv2.imread(str(sheet)).std() > 5
    hidden(experiment, *paste)
    assert json.loads(out.read_text()) == first
    hidden(experiment, *paste, '--seed', '1')
    assert json.loads(out.read_text()) != first


def test_visibility_flags(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no keypoint .* is flagged'):
        hidden(experiment)
    source = experiment / 'data' / 'annotations' / 'mtfl_val.json'
    content = json.loads(source.read_text())
    for face in content['annotations'][:7]:
        face['keypoints'][3 * 2 + 2] = 1  # the nose is hidden
    content['annotations'][8]['keypoints'][2] = 0  # an eye is not labelled
    path = source.with_name('flagged.json')
    path.write_text(json.dumps(content))
    out = tmp_path / 'a.json'
    option = 'val_dataloader.dataset.ann_file=annotations/flagged.json'
    hidden(experiment, '--json', str(out), '--cfg-options', option)
    found = json.loads(out.read_text())
    assert (found['hidden'], found['seen']) == (7, 112)
