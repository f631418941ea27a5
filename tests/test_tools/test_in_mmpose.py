"""The programs and commands of docs/in_mmpose.md, with a trained network."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest
import torch
from conftest import ROOT, load_tool
from fake_mtfl import make_mtfl
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import DATASETS, MODELS
from test_with_mmpose import make_faces

PAGE = (ROOT / 'docs' / 'in_mmpose.md').read_text()
PYTHON = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)
CONFIGS = [text for text in PYTHON if re.match(r'# \w+\.py\n', text)]
PROGRAMS = [text for text in PYTHON if text not in CONFIGS]
COMMANDS = [
    line
    for block in re.findall(r'```sh\n(.*?)```', PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith('python ')
]
CONFIG = 'configs/rcn_aflw.py'
WEIGHTS = 'work_dirs/rcn_aflw/epoch_30.pth'


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory, fresh: Callable) -> Path:
    """A clone with drawn faces, and a network that is trained on 12 faces."""
    folder = tmp_path_factory.mktemp('clone')
    for name in ('configs', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    mtfl = make_mtfl(folder / 'data' / 'mtfl')
    out = str(folder / 'data' / 'annotations')
    load_tool('dataset_converters/mtfl2coco.py').main(
        [str(mtfl), '--out', out, '--validation', '4']
    )
    done = fresh(
        'tools/train.py',
        CONFIG,
        '--cfg-options',
        *(
            f'{part}_dataloader.{option}'
            for part in ('train', 'val')
            for option in ('num_workers=0', 'persistent_workers=False')
        ),
        'train_dataloader.batch_size=2',  # 180 steps in all
        'train_cfg.val_interval=30',
        'default_hooks.checkpoint.interval=30',
        'default_hooks.visualization.enable=True',
        'default_hooks.visualization.interval=1',
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    # Faces that the network has not seen: single crops, and an image of two faces.
    (folder / 'images').mkdir()
    for file, (x, y, w, h), _ in unseen(folder):
        cut = cv2.imread(str(file))[y : y + h, x : x + w]
        cv2.imwrite(str(folder / 'images' / file.name), cut)
    pair = [cv2.imread(str(file)) for file, *_ in unseen(folder)[:2]]
    cv2.imwrite(str(folder / 'group.png'), np.hstack(pair))
    return folder


def unseen(folder: Path) -> list[tuple[Path, np.ndarray, np.ndarray]]:
    """File, box (x, y, w, h) in whole pixels and keypoints (5, 2) of each face."""
    path = folder / 'data' / 'annotations' / 'aflw5_test.json'
    content = json.loads(path.read_text())
    return [
        (
            folder / 'data' / 'mtfl' / image['file_name'],
            np.round(face['bbox']).astype(int),
            np.array(face['keypoints']).reshape(5, 3)[:, :2],
        )
        for image, face in zip(content['images'], content['annotations'], strict=True)
    ]


def run_program(text: str, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Run a program of the page; return its variables."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    variables: dict = {}
    exec(text, variables)
    return variables


def marked(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> list:
    """Whether the drawing changed the image at each point."""
    assert before.shape == after.shape
    change = np.abs(before.astype(int) - after).max(-1)
    return [
        bool((change[y - 1 : y + 2, x - 1 : x + 2] > 30).all())
        for x, y in np.round(points).astype(int)
    ]


# --------------------------------------------------------------- configs


def test_the_page_has_both_kinds_of_python() -> None:
    assert (len(CONFIGS), len(PROGRAMS)) == (2, 3)


@pytest.mark.parametrize('text', CONFIGS, ids=lambda text: text[2:].split()[0])
def test_configs_of_the_page(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_faces(tmp_path / 'data' / '300w')
    monkeypatch.chdir(tmp_path)
    path = tmp_path / text[2:].split()[0]
    path.write_text(text)
    cfg = Config.fromfile(path)
    init_default_scope('mmpose')
    if 'init_cfg' in cfg.model.backbone:
        cfg.model.backbone.init_cfg = None  # avoids a download
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)

    faces = DATASETS.build(cfg.train_dataloader.dataset)
    batch = model.data_preprocessor(pseudo_collate([faces[i] for i in range(2)]), True)
    losses = model(**batch, mode='loss')
    # The loss is minus the mean log-probability of the true cells.
    with torch.no_grad():
        features = model.extract_feat(batch['inputs'])
        logs = model.head.probability_maps(features).flatten(2).log()
    terms = []
    for face, sample in zip(logs, batch['data_samples'], strict=True):
        labels = sample.gt_instance_labels
        for k in labels.keypoint_weights[0].nonzero():
            cells = face[k].take(labels.keypoint_cells[0, k])
            weights = labels.keypoint_cell_weights[0, k]
            terms.append(-(cells * weights).sum().item())
    assert len(terms) > 68
    assert losses['loss_kpt'].item() == pytest.approx(np.mean(terms), 1e-4)
    losses['loss_kpt'].backward()
    assert all(p.grad is not None for p in model.head.parameters())

    faces = DATASETS.build(cfg.val_dataloader.dataset)
    model.eval()
    with torch.no_grad():
        (found,) = model.test_step(pseudo_collate([faces[0]]))
    assert found.pred_instances.keypoints.shape == (1, 68, 2)
    assert np.isfinite(found.pred_instances.keypoints).all()


# -------------------------------------------------------------- programs


def test_the_inferencer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (text,) = [x for x in PROGRAMS if 'MMPoseInferencer' in x]
    run_program(text, monkeypatch)
    out = place / 'work_dirs' / 'inferencer'
    for file, (x, y, _, _), truth in unseen(place):
        (face,) = json.loads((out / 'predictions' / f'{file.stem}.json').read_text())
        found = np.array(face['keypoints'])
        assert np.linalg.norm(found - (truth - (x, y)), axis=1).max() < 3
        assert min(face['keypoint_scores']) > 0.3
        before = cv2.imread(str(place / 'images' / file.name))
        after = cv2.imread(str(out / 'visualizations' / file.name))
        assert all(marked(before, after, found))


def test_boxes_and_the_visualiser(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (text,) = [x for x in PROGRAMS if 'inference_topdown' in x]
    variables = run_program(text, monkeypatch)
    faces, visualizer = variables['faces'], variables['visualizer']
    before = cv2.imread('group.png')
    after = cv2.imread('work_dirs/drawn.png')
    for i, face in enumerate(faces):
        truth = unseen(place)[i][2] + (120 * i, 0)
        found = face.pred_instances.keypoints[0]
        assert np.linalg.norm(found - truth, axis=1).max() < 3
        assert all(marked(before, after, found))

    # Scores of an untrained network are below MMPose's threshold.
    torch.manual_seed(0)
    (face,) = inference_topdown(
        init_model(CONFIG, device='cpu'), 'group.png', [[12, 12, 108, 108]]
    )
    assert face.pred_instances.keypoint_scores.max() < 0.3
    visualizer.add_datasample('faces', before, face, draw_gt=False, out_file='not.png')
    np.testing.assert_array_equal(cv2.imread('not.png')[..., ::-1], before)


# --------------------------------------------------------------- scripts


@pytest.fixture(scope='module')
def outputs(place: Path, fresh: Callable) -> dict[str, str]:
    """Output of the commands on the page, by the name of the script."""

    def run(line: str) -> tuple[str, str]:
        _, tool, *arguments = shlex.split(line)
        arguments = [
            name
            for word in arguments
            for name in (sorted(place.glob(word)) if '*' in word else [word])
        ]
        done = fresh(tool, *arguments, cwd=place)
        assert done.returncode == 0, done.stdout + done.stderr
        script = arguments[0] if 'mmpose_tool' in tool else tool
        return script, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(run, COMMANDS))


def test_all_commands_of_the_page_are_run(outputs: dict) -> None:
    assert len(outputs) == len(COMMANDS) == 5


def test_browse_dataset(place: Path, outputs: dict) -> None:
    crops = list((place / 'work_dirs' / 'browse').iterdir())
    assert len(crops) == 12
    for file in crops:
        crop = cv2.imread(str(file)).astype(int)
        assert crop.shape == (80, 80, 3)
        # The image is grey except for keypoints and lines; the nose is bluish green.
        assert (np.ptp(crop, -1) == 0).mean() > 0.8
        assert (np.abs(crop - (115, 158, 0)).max(-1) < 40).sum() > 4


def test_get_flops(outputs: dict) -> None:
    # The first layer has two more channels, at 80 x 80 positions.
    more = 2 * 16 * 3 * 3
    assert f'{(310_229 + more) / 1e6:.3f}M' in outputs['get_flops']
    assert f'{(115_628_160 + more * 6400) / 1e9:.3f}G' in outputs['get_flops']


def test_the_visualisation_hook(place: Path, outputs: dict) -> None:
    # The hook draws in the validation of the training and in the test.
    assert list((place / 'work_dirs').rglob('vis_image/val_img_*.png'))
    for file, _, truth in unseen(place):
        (after,) = (place / 'work_dirs').rglob(f'drawn/{file.stem}_0.png')
        before = cv2.imread(str(file))
        assert all(marked(before, cv2.imread(str(after)), truth))


def test_analyze_logs(place: Path, outputs: dict) -> None:
    assert 'metric is loss_kpt' in outputs['analyze_logs']
    curve = cv2.imread(str(place / 'work_dirs' / 'loss.png'))
    assert curve.std() > 5


def test_publish_model(place: Path, outputs: dict) -> None:
    # The script starts a process that renames the file, and does not wait for it.
    end = time.monotonic() + 10
    while (place / 'work_dirs' / 'rcn_aflw.pth').exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    (path,) = (place / 'work_dirs').glob('rcn_aflw-*.pth')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name.startswith(f'rcn_aflw-{digest[:8]}_')
    assert path.stat().st_size < (place / WEIGHTS).stat().st_size / 2
    found = [
        inference_topdown(
            init_model(str(place / CONFIG), str(weights), device='cpu'),
            str(place / 'group.png'),
            [[12, 12, 108, 108]],
        )[0].pred_instances.keypoints
        for weights in (path, place / WEIGHTS)
    ]
    np.testing.assert_array_equal(*found)


def test_scores_against_the_truth(
    place: Path,
    outputs: dict,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(place)
    (text,) = [x for x in PROGRAMS if 'faces.pkl' in x]
    variables = run_program(text, monkeypatch)
    scores, hits = variables['scores'], variables['hits']
    assert scores.shape == hits.shape == (4, 1, 5)
    table = np.array(
        [
            [float(x) for x in re.findall(r'\d+\.?\d*', line)][:4]
            for line in capsys.readouterr().out.splitlines()
        ]
    )
    # The rows together contain all keypoints.
    low, count, score, hit = table.T
    assert count.sum() == 20
    assert (score >= low).all()
    assert count @ score / 20 == pytest.approx(scores.mean(), abs=0.005)
    assert count @ hit / 20 == pytest.approx(hits.mean(), abs=0.005)
    # Count hits independently, with the true keypoints and the size of the box.
    for found, (file, box, truth) in zip(
        mmengine.load('work_dirs/faces.pkl'), unseen(place), strict=True
    ):
        assert Path(found['img_path']).name == file.name
        keypoints = found['pred_instances']['keypoints'][0]
        error = np.linalg.norm(keypoints - truth, axis=1) * 80 / box[2]
        i = [x[0].name for x in unseen(place)].index(file.name)
        np.testing.assert_array_equal(hits[i, 0], error <= 3)


def test_unknown_script(fresh: Callable, tmp_path: Path) -> None:
    tool = ROOT / 'tools' / 'mmpose_tool.py'
    for arguments in ([], ['get_flop']):
        done = fresh(tool, *arguments, cwd=tmp_path)
        assert done.returncode != 0
        assert 'is not a script of MMPose; give one of' in done.stderr
        assert ' get_flops, ' in done.stderr
