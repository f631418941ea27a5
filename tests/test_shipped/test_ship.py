"""Output files and errors of tools/release/ship.py."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from mmengine.config import Config

from rcn_mmpose import load_model
from rcn_mmpose.shipped.catalogue import shipped_models

from .conftest import METAFILE, METRICS, words


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


# ---------------------------------------------------------- output files


def test_the_index(project: Path) -> None:
    folder = project / 'rcn_mmpose' / 'shipped' / 'models'
    (model,) = shipped_models(folder).values()
    assert (model.name, model.keypoints) == ('tiny-5', 5)
    assert model.config == 'configs/shipped/tiny_5.py'
    assert model.terms == 'Apache License 2.0, as the code'
    assert model.metrics == METRICS
    weights = torch.load(project / 'best.pth', weights_only=False)
    numbers = weights['state_dict'].values()
    assert model.parameters == sum(w.numel() for w in numbers)
    assert set(model.files) == {
        f'tiny-5{ending}' for ending in ('.pth', '.py', '.onnx', '.json')
    }
    for name, file in model.files.items():
        content = (folder / name).read_bytes()
        assert file['bytes'] == len(content)
        assert file['sha256'] == hashlib.sha256(content).hexdigest()
    assert model.halving['faces'] == 3
    assert 0 < model.halving['percentile_99'] < 0.5


def test_the_files_state_the_terms(project: Path) -> None:
    """A copy of the files without the index keeps its terms."""
    folder = project / 'rcn_mmpose' / 'shipped' / 'models'
    terms = 'Apache License 2.0, as the code'
    assert json.loads((folder / 'tiny-5.json').read_text())['licence'] == terms
    assert load_model(folder / 'tiny-5.pth').info.licence == terms
    assert Config.fromfile(folder / 'tiny-5.py').licence == terms


def test_weights_take_two_bytes_and_are_stored_once(project: Path) -> None:
    """Only the checkpoint stores weights, with 2 bytes each."""
    folder = project / 'rcn_mmpose' / 'shipped' / 'models'
    sizes = {path.suffix: path.stat().st_size for path in folder.glob('tiny-5.*')}
    (model,) = shipped_models(folder).values()
    assert sizes['.pth'] < 2 * model.parameters + 30_000
    assert sizes['.onnx'] < model.parameters


def test_the_checkpoint_loads_without_an_allow_list(
    project: Path, fresh: Callable, tmp_path: Path
) -> None:
    path = project / 'rcn_mmpose' / 'shipped' / 'models' / 'tiny-5.pth'
    code = f"""
import torch
found = torch.load({str(path)!r}, weights_only=True)
print(sorted(found), sorted(found['meta']))
"""
    done = fresh('-c', code, cwd=tmp_path)
    assert done.stdout == (
        "['meta', 'state_dict'] ['cfg', 'dataset_meta', 'name', 'rcn_mmpose_version']\n"
    ), done.stderr


def test_the_files_have_no_path_of_this_machine(project: Path) -> None:
    folder = project / 'rcn_mmpose' / 'shipped' / 'models'
    for path in folder.iterdir():
        content = path.read_bytes()
        for place in (str(project), str(Path.home()) + '/', str(Path.cwd())):
            assert place.encode() not in content, path.name
    text = (folder / 'tiny-5.py').read_text()
    assert 'optim_wrapper' not in text and 'backbone' in text


def test_the_metafile(project: Path) -> None:
    text = (project / 'configs' / 'metafile.yml').read_text()
    assert text.startswith(METAFILE)
    other, ours = yaml.safe_load(text)['Models']
    assert other['Name'] == 'other'
    assert (ours['Name'], ours['Alias']) == ('tiny_5', ['tiny-5'])
    (result,) = ours['Results']
    assert {result['Dataset']: result['Metrics']} == METRICS
    assert ours['Metadata']['FLOPs'] > 1e6


def test_the_card(project: Path) -> None:
    text = (project / 'tiny-5.md').read_text()
    assert text.startswith('# tiny-5\n\nWords.\n\n<!-- begin facts -->')
    assert '| faces of nobody | NME cells | 5.25 |' in text
    digest = hashlib.sha256(
        (project / 'rcn_mmpose' / 'shipped' / 'models' / 'tiny-5.onnx').read_bytes()
    ).hexdigest()
    assert digest in text


# --------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('more', 'error', 'message'),
    [
        (['--name', 'Tiny 5'], ValueError, 'lower-case letters'),
        (['--card', 'none.md'], FileNotFoundError, "'none.md' does not"),
        (['--count', '0'], ValueError, '--count 0; give 1'),
        (['--name', 'b'], FileNotFoundError, r'shipped/b.py. does not exist'),
        (['--config', __file__], ValueError, 'not in the folder configs/'),
        (['--joint', 'none.pth'], FileNotFoundError, "'none.pth' does not"),
    ],
)
def test_wrong_arguments(
    begun: Path, ship: ModuleType, more: list, error: type, message: str
) -> None:
    before = contents(begun)
    with pytest.raises(error, match=message):
        ship.main(words(begun, *more))
    assert contents(begun) == before


def test_a_model_is_replaced_only_with_replace(
    project: Path, ship: ModuleType, tmp_path: Path
) -> None:
    root = tmp_path / 'project'
    shutil.copytree(project, root)
    before = contents(root)
    with pytest.raises(ValueError, match=r"'tiny-5' ships already.*--replace"):
        ship.main(words(root))
    assert contents(root) == before
    (root / 'metrics.json').write_text('{"a": {"b": 1}}')
    ship.main(words(root, '--replace'))
    (model,) = shipped_models(root / 'rcn_mmpose' / 'shipped' / 'models').values()
    assert model.metrics == {'a': {'b': 1}}
    models = yaml.safe_load((root / 'configs' / 'metafile.yml').read_text())
    assert [m['Name'] for m in models['Models']] == ['other', 'tiny_5']
    assert 'NME cells' not in (root / 'tiny-5.md').read_text()


def test_models_that_are_too_large(
    begun: Path, ship: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, 'MOST_BYTES', 1000)
    before = contents(begun)
    with pytest.raises(ValueError, match='all together may take 1,000'):
        ship.main(words(begun))
    assert contents(begun) == before


def test_faces_of_an_annotation_file(
    ship: ModuleType, small: ModuleType, tmp_path: Path
) -> None:
    import cv2

    from rcn_mmpose.inference import load_model

    image = small.random_crops(1, side=90)[0]
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    content = dict(
        images=[dict(id=7, file_name='a.png')],
        annotations=[
            dict(image_id=7, bbox=[10, 5, 40, 40]),
            dict(image_id=7, bbox=[20, 15, 60, 60]),
        ],
    )
    (tmp_path / 'a.json').write_text(json.dumps(content))
    path = small.write_checkpoint(tmp_path / 'a.pth', small.config(), small.build())
    predictor = load_model(path)
    given = ['--faces', str(tmp_path / 'a.json'), str(tmp_path)]
    args = ship.parse_args(words(tmp_path, *given))
    crops = ship.faces(args, predictor)
    assert crops.shape == (2, small.SIDE, small.SIDE)
    # a box with the size of the crop is cropped without scaling
    assert (crops[0] == image[5:45, 10:50]).all()
