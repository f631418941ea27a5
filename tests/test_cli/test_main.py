from __future__ import annotations

import configparser
import importlib
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rcn_mmpose import __version__
from rcn_mmpose.cli import VERBS, main

Fresh = Callable[..., subprocess.CompletedProcess]
LIGHT = """
import sys
from rcn_mmpose.cli import main
try:
    main(sys.argv[1:])
finally:
    heavy = {'torch', 'mmengine', 'mmpose', 'cv2', 'numpy'}
    print(sorted(heavy & set(sys.modules)))
"""


def test_help_imports_nothing_heavy(fresh: Fresh, tmp_path: Path) -> None:
    done = fresh('-c', LIGHT, '--help', cwd=tmp_path)
    assert done.returncode == 0
    for verb, text in VERBS.items():
        assert re.search(rf'^  {verb} +{text}$', done.stdout, re.M)
    assert done.stdout.endswith('[]\n')
    done = fresh('-c', LIGHT, 'predict', '--help', cwd=tmp_path)
    assert done.stdout.endswith("['cv2', 'numpy']\n")


def test_as_a_module(fresh: Fresh, tmp_path: Path) -> None:
    done = fresh('-m', 'rcn_mmpose', '--version', cwd=tmp_path)
    assert done.stdout == f'rcn_mmpose {__version__}\n'
    words = ('predict', 'a.jpg', '--model', 'none.onnx')
    done = fresh('-m', 'rcn_mmpose', *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: model 'none.onnx'")


def test_entry_point(root: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read(root / 'setup.cfg')
    scripts = setup['options.entry_points']['console_scripts']
    name, _, place = (word.strip() for word in scripts.partition('='))
    assert name == 'rcn-mmpose'
    module, function = place.split(':')
    assert getattr(importlib.import_module(module), function) is main


@pytest.mark.parametrize('verb', VERBS)
def test_help_has_examples_that_parse(
    verb: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, '--help'])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 79
    _, examples = text.split('examples:\n')
    commands = examples.replace('\\\n', '').strip().splitlines()
    assert len(commands) == 2
    module = importlib.import_module(f'rcn_mmpose.cli.{verb}')
    parsed = []
    monkeypatch.setattr(module, 'run', lambda options: parsed.append(options))
    for command in commands:
        program, *words = shlex.split(command, comments=True)
        assert program == 'rcn-mmpose'
        if '>' in words:  # of the shell
            words = words[: words.index('>')]
        main(words)
    assert len(parsed) == 2


@pytest.mark.parametrize(
    'words',
    [
        [],
        ['fly'],
        ['predict'],
        ['export', 'a.onnx'],  # no model
        ['video', '--model', 'm.onnx', 'v.mp4', '--every', 'x'],
    ],
)
def test_wrong_words(words: list, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert 'usage: rcn-mmpose' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ('predict a.jpg --model none.onnx', "'none.onnx' does not exist"),
        ('predict a.jpg --model m.onnx --out a.txt', 'ends in .json or'),
        ('predict a.jpg --model m.onnx --ellipses', '--draw DIR'),
        ('predict a.jpg --model m.onnx --boxes b.txt', 'b.txt'),
        ('video v.mp4 --model m.onnx', "'v.mp4' does not exist"),
        ('export --model m.onnx n.onnx', 'exported already'),
        ('evaluate p.json t.json', 't.json'),
        ('evaluate p.json t.json --normaliser eyes', 'eye_centres=36,39'),
        ('evaluate p.json t.json --axis 0', 'percent above 0'),
        ('plot e.csv --limits 0', 'percent above 0'),
    ],
)
def test_wrong_use_ends_with_2(
    words: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == '' and said.err.startswith('error: ')
    assert message in said.err
    assert not list(tmp_path.iterdir())


def test_doctor(capsys: pytest.CaptureFixture) -> None:
    assert main(['doctor']) == 0
    assert 'MMPose can be used here.' in capsys.readouterr().out
