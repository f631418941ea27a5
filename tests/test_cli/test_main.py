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
# The command in a process in which some packages cannot be imported.
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(',')))
from rcn_mmpose.cli import main
sys.exit(main(sys.argv[2:]))
"""
LIGHT = """
import sys
from rcn_mmpose.cli import main
try:
    main(sys.argv[1:])
finally:
    heavy = {'torch', 'mmengine', 'mmpose', 'cv2', 'numpy'}
    print(sorted(heavy & set(sys.modules)))
"""


def test_help_imports_no_large_packages(fresh: Fresh, tmp_path: Path) -> None:
    done = fresh('-c', LIGHT, '--help', cwd=tmp_path)
    assert done.returncode == 0
    for verb, text in VERBS.items():
        assert re.search(rf'^  {verb} +{text}$', done.stdout, re.M)
    assert done.stdout.endswith('[]\n')
    done = fresh('-c', LIGHT, 'predict', '--help', cwd=tmp_path)
    assert done.stdout.endswith("['numpy']\n")


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


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ''
    for verb, text in VERBS.items():
        assert re.search(rf'^  {verb} +{text}$', said.err, re.M)


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
        if '>' in words:  # redirection by the shell
            words = words[: words.index('>')]
        main(words)
    assert len(parsed) == 2


@pytest.mark.parametrize(
    'words',
    [
        ['fly'],
        ['predict'],
        ['export', 'a.onnx'],  # no model
        ['video', '--model', 'm.onnx', 'v.mp4', '--every', 'x'],
    ],
)
def test_invalid_arguments_end_with_usage(
    words: list, capsys: pytest.CaptureFixture
) -> None:
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
def test_invalid_values_end_with_status_2(
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


@pytest.mark.parametrize(
    ('missing', 'words', 'hint'),
    [
        ('cv2', 'predict a.jpg', "onnxruntime 'opencv-python-headless>=4.12,<5'"),
        ('cv2', 'video a.mp4', "onnxruntime 'opencv-python-headless>=4.12,<5'"),
        ('cv2', 'serve', "onnxruntime 'opencv-python-headless>=4.12,<5'"),
        ('torch', 'export --model rcn-5 a.onnx', '`make install`'),
        ('mmengine', 'export --model rcn-5 a.onnx', '`make install`'),
        ('torch', 'predict a.jpg --device cuda', '`make install`'),
        ('matplotlib', 'plot e.csv', 'pip install matplotlib'),
    ],
)
def test_missing_packages_are_named(
    missing: str, words: str, hint: str, fresh: Fresh, tmp_path: Path
) -> None:
    (tmp_path / 'e.csv').write_text(
        'id,img_path,x1,y1,x2,y2,subsets,NME_pixels_box\n0,a.png,,,,,,1\n'
    )
    done = fresh('-c', WITHOUT, missing, *words.split(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith('error: ') and missing in line
    assert hint in line
    assert [path.name for path in tmp_path.iterdir()] == ['e.csv']


@pytest.mark.parametrize('device', ['cuda:99', 'cudda'])
def test_a_missing_device_is_an_error(
    device: str,
    checkpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ['predict', 'a.jpg', '--model', checkpoint, '--device', device]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: device={device!r} cannot be used here (')
    assert '; give one of cpu' in error
    assert error.count('\n') == 1
    assert not list(tmp_path.iterdir())
