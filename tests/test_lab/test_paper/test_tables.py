"""The tables of configs/paper/tables.yml."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from rcn_mmpose.lab.paper.experiment import find_config
from rcn_mmpose.lab.paper.tables import Table, Tables, load_tables

ROOT = Path(__file__).parents[3]
PLACES = {
    'AFLW': 'aflw',
    'AFW': 'afw',
    'the common set': 'common',
    'IBUG': 'ibug',
    'both': 'full',
    'the full set': 'full',
}


@pytest.fixture(scope='module')
def tables() -> Tables:
    return load_tables(str(ROOT / 'configs' / 'paper' / 'tables.yml'))


def numbers(table: Table, name: str) -> dict:
    """Return the paper's numbers of a row."""
    (row,) = [row for row in table.rows if row.name == name]
    return row.paper


def test_numbers_of_the_paper(tables: Tables) -> None:
    named = tables.tables
    assert [len(named[f'table{i}'].rows) for i in (1, 2, 3, 4)] == [
        18,
        13,
        3,
        5,
    ]
    assert numbers(named['table1'], 'RCN, mask 0011') == {
        'aflw': 12.67,
        'afw': 13.53,
    }
    assert numbers(named['table2'], 'RCN (6 branch - occlusion - skip)') == {
        'aflw': 5.63,
        'afw': 5.56,
    }
    assert numbers(named['table3'], 'TCDCN baseline') == {
        'aflw': 7.60,
        'afw': 7.87,
    }
    assert numbers(named['table4'], 'RCN + denoising') == {
        'common': 4.67,
        'ibug': 8.44,
        'full': 5.41,
    }


def test_numbers_are_those_of_the_configs(tables: Tables) -> None:
    compared = 0
    for table in tables.tables.values():
        for row in table.rows:
            path = ROOT / find_config(str(ROOT), row.config)
            text = ' '.join(ast.get_docstring(ast.parse(path.read_text())).split())
            said = {
                PLACES[place]: float(number)
                for number, place in re.findall(
                    rf'(\d+\.\d+) % on ({"|".join(PLACES)})', text
                )
            }
            # The config of TCDCN begins with the numbers of the TCDCN paper.
            if said and not row.keypoints and row.config != 'aflw_tcdcn':
                assert row.paper == said, row
                compared += 1
    assert compared > 40


def test_each_config_of_the_paper_is_in_a_table(tables: Tables) -> None:
    used = {r.config for t in tables.tables.values() for r in t.rows}
    there = {path.stem for path in (ROOT / 'configs/paper').glob('*.py')}
    assert there <= used
    for name in used:
        find_config(str(ROOT), name)
    for table in tables.tables.values():
        assert set(table.curves) <= {row.config for row in table.rows}
        titles = {column.name for column in table.columns}
        for row in table.rows:
            assert row.paper.keys() <= titles


def test_choosing(tables: Tables) -> None:
    assert len(tables.choose('all')) == len(tables.tables)
    (table,) = tables.choose('table4')
    # Two rows with the same config need one training.
    assert table.choose([]) == ['300w_rcn_5', '300w_joint_5', '300w_denoiser']
    assert table.choose(['300w_denoiser.py']) == ['300w_denoiser']
    with pytest.raises(ValueError, match="no row 'rcn'; its rows are 300w_r"):
        table.choose(['rcn'])
    with pytest.raises(
        ValueError, match="unknown table 'tabel1': choose one of table1, tab"
    ):
        tables.choose('tabel1')
