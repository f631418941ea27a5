"""docs/predict.md agrees with the options of the command."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from rcn_mmpose.cli import VERBS, main
from rcn_mmpose.shipped.catalogue import shipped_models

MODEL = {'--model', '--checkpoint', '--precision', '--device', '--passes'}


@pytest.fixture
def page(root: Path) -> str:
    text = (root / 'docs' / 'predict.md').read_text()
    return text.partition('\n## The command\n')[2]


def options_of(verb: str) -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f'rcn_mmpose.cli.{verb}').add_arguments(parser)
    return {o for action in parser._actions for o in action.option_strings}


def test_the_page_lists_every_option(page: str) -> None:
    sections = re.split(r'^### ', page, flags=re.M)
    (common,) = (part for part in sections if part.startswith('The model'))
    assert set(re.findall(r'^\| `(--\w+)`', common, re.M)) == MODEL
    for verb in VERBS:
        known = options_of(verb)
        (part,) = (part for part in sections if verb in part.splitlines()[0].lower())
        if '--model' in known:
            assert verb == 'export' or MODEL <= known
            known -= MODEL
        assert set(re.findall(r'`(--[\w-]+)', part)) - MODEL >= known, verb
        cells = re.findall(r'^\| ((?:`--[\w-]+`(?:, )?)+) \|', part, re.M)
        listed = set(re.findall(r'--[\w-]+', ' '.join(cells)))
        assert listed <= known, verb


def test_commands_of_the_page_parse(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    for verb in VERBS:
        module = importlib.import_module(f'rcn_mmpose.cli.{verb}')
        monkeypatch.setattr(module, 'run', parsed.append)
    blocks = re.findall(r'```sh\n(.*?)```', page, re.S)
    commands = ''.join(blocks).strip().splitlines()
    assert len(commands) >= 6
    for command in commands:
        program, *words = shlex.split(command)
        assert program == 'rcn-mmpose'
        main(words)
    assert len(parsed) == len(commands)
    for verb, text in VERBS.items():
        assert f'[`{verb}`]' in page and text in page


def test_the_page_names_only_shipped_models(page: str) -> None:
    models = shipped_models()
    named = set(re.findall(r'\b(rcn-(?!mmpose)[\w-]+)', page))
    assert named and named <= set(models)
    (row,) = re.findall(r'^\| `--model` \| (.*)$', page, re.M)
    for verb in ('predict', 'video'):
        parser = argparse.ArgumentParser()
        importlib.import_module(f'rcn_mmpose.cli.{verb}').add_arguments(parser)
        default = parser.get_default('model')
        assert re.search(rf'`{default}`[^;]* for `{verb}`', row), verb
