from __future__ import annotations

import json

import pytest

from rcn_mmpose.lab.benchmark import report
from rcn_mmpose.lab.benchmark.report import as_record, as_table, closing_line
from rcn_mmpose.lab.benchmark.turns import Measurement

ROWS = [
    Measurement('gone', 1, reason='not installed'),
    Measurement('slow', 1, 2, [0.004, 0.002, 0.003], dict(on='faces')),
    Measurement('fast', 1, 64, [0.0015], dict(share=0.12345)),
    Measurement('slow', 2, 2, [2.5], {}),
]


def test_table() -> None:
    """Ratios are relative to the first row with as many threads."""
    assert as_table(ROWS).splitlines() == [
        '| what | threads | ms per face | quartiles | faces/s '
        '| relative time | on | share |',
        '| --- | --- | --- | --- | --- | --- | --- | --- |',
        '| gone | 1 | not installed |  |  |  |  |  |',
        '| slow | 1 | 3 | 2.5 to 3.5 | 333 | 1 | faces |  |',
        '| fast | 1 | 1.5 | 1.5 to 1.5 | 667 | 0.5 |  | 0.123 |',
        '| slow | 2 | 2500 | 2500 to 2500 | 0.4 | 1 |  |  |',
    ]


def test_record() -> None:
    gone, slow, *_ = json.loads(json.dumps(as_record(ROWS)))
    assert gone == dict(what='gone', threads=1, skipped='not installed', facts={})
    assert slow['ms_a_face'] == pytest.approx(3)
    assert slow['turns_ms'] == pytest.approx([4, 2, 3])
    assert slow['quartiles_ms'] == pytest.approx([2.5, 3.5])
    assert (slow['faces_a_call'], slow['facts']) == (2, dict(on='faces'))


def test_a_busy_machine_is_named() -> None:
    found = dict(processor='Z80', cores=1, gpu=None, versions=dict(torch='2.6'))
    line = closing_line(found, 0.1, 1.2)
    assert line.endswith(
        ', Z80, 1 cores, GPU: none, torch 2.6. Load average before 0.1, after 1.2.'
    )
    assert 'take the ratios' in closing_line(found, 1.7, 1.2)
    assert 'busy' not in closing_line(found, None, None)


def test_this_machine() -> None:
    found = report.describe()
    assert found['processor'] and found['cores'] >= 1
    assert found['versions']['torch'] != '-'
    json.dumps(found)
    load = report.load()
    assert load is None or load >= 0
