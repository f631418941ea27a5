from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rcn_mmpose.lab.release.records import (
    MARK,
    TERMS,
    card_facts,
    metafile_with,
    read_metrics,
)
from rcn_mmpose.shipped import catalogue as shipped
from rcn_mmpose.shipped.catalogue import ShippedModel, shipped_models

from .conftest import METAFILE

MODEL = ShippedModel(
    name='a-5',
    keypoints=5,
    parameters=1234,
    trained_on='faces: "all"',
    terms='research only',
    date='2026-01-02',
    config='configs/shipped/a_5.py',
    files={'a-5.pth': dict(bytes=4321, sha256='abc')},
    metrics={'b': {'NME cells': 5.0}},
    halving=dict(
        faces=3,
        median=0.1,
        percentile_99=0.2,
        largest=0.3,
        confidence=0.04,
        kind='drawn faces',
    ),
)


def test_a_model_is_added_and_replaced() -> None:
    once = metafile_with(METAFILE, MODEL, 99)
    assert once.startswith(METAFILE)
    other, ours = yaml.safe_load(once)['Models']
    assert ours['Metadata'] == {
        'Training Data': 'faces: "all"',
        'FLOPs': 99,
        'Parameters': 1234,
    }
    assert metafile_with(once, MODEL, 99) == once
    twice = metafile_with(once, replace(MODEL, metrics={}), 77)
    again = yaml.safe_load(twice)['Models']
    assert again[0] == other
    assert again[1]['Metadata']['FLOPs'] == 77 and 'Results' not in again[1]
    # replace a model in the middle
    both = metafile_with(twice, replace(MODEL, config='configs/z.py'), 1)
    names = [m['Name'] for m in yaml.safe_load(both)['Models']]
    assert names == ['other', 'a_5', 'z']
    back = yaml.safe_load(metafile_with(both, MODEL, 99))['Models']
    assert back[1] == ours


@pytest.mark.parametrize(
    'text',
    [
        'A: 1\nModels:\n- In Collection: RCN\n  Name: other\n',
        f'{METAFILE}\nMore:\n- Name: b\n',
        'Collections: []\n',
    ],
)
def test_a_malformed_metafile(text: str) -> None:
    with pytest.raises(ValueError, match='the metafile cannot be changed'):
        metafile_with(text, MODEL, 99)


def test_the_metafile_of_the_project_can_be_changed(root: Path) -> None:
    text = (root / 'configs' / 'metafile.yml').read_text()
    new = metafile_with(text, MODEL, 99)
    for line in text.splitlines():
        assert line in new


def test_facts_of_a_card() -> None:
    lines = card_facts(MODEL).splitlines()
    assert '| parameters | 1,234 |' in lines
    assert '| a-5.pth | 4,321 bytes, sha256 abc |' in lines
    assert '| b | NME cells | 5 |' in lines
    (line,) = (line for line in lines if line.startswith('| weights'))
    assert 'On 3 drawn faces' in line
    assert 'by 0.1 (median), 0.2 (99 of 100) and 0.3 (all)' in line


def test_cards_and_terms_of_the_package(root: Path) -> None:
    """Every shipped model has a card with the facts of the index."""
    terms = (shipped.FOLDER / 'LICENSE-weights.md').read_text()
    metafile = (root / 'configs' / 'metafile.yml').read_text()
    for name, model in shipped_models().items():
        assert f'`{name}`' in terms
        assert model.terms in TERMS.values()
        card = (root / 'docs' / 'models' / f'{name}.md').read_text()
        facts = card.partition(f'<!-- begin {MARK} -->')[2]
        facts = facts.partition(f'<!-- end {MARK} -->')[0]
        assert facts.strip() == card_facts(model)
        assert 'TO FILL IN' not in card
        (entry,) = (
            entry
            for entry in yaml.safe_load(metafile)['Models']
            if name in entry.get('Alias', ())
        )
        results = entry.get('Results', ())
        assert {r['Dataset']: r['Metrics'] for r in results} == model.metrics


@pytest.mark.parametrize(
    'text', ['[]', '{"a": 1}', '{"a": {"b": "5"}}', '{"a": {"b": NaN}}']
)
def test_malformed_metrics(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(ValueError, match='numbers by dataset and measure'):
        read_metrics(str(path))
    path.write_text('{"a": {"b": 5, "c": 0.5}}')
    assert read_metrics(str(path)) == {'a': {'b': 5, 'c': 0.5}}
    assert read_metrics(None) == {}
