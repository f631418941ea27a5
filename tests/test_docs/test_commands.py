"""Every command of every page is understood by its program.

Other tests run the code of a page; a page whose commands no test runs says so.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from rcn_mmpose.cli import VERBS, main

ROOT = Path(__file__).parents[2]
DOCS = [p for p in sorted((ROOT / 'docs').rglob('*.md')) if '_build' not in p.parts]
# The changelog also describes earlier versions.
PAGES = [p for p in (*ROOT.glob('*.md'), *DOCS) if p.name != 'CHANGELOG.md']
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```', re.DOTALL | re.MULTILINE)
PROGRAMS = re.compile(r'(\S+/)?(python|rcn-mmpose|make|mim|pip) ')
# Pages whose code a test runs.
PREDICTION = 'test_docs/test_commands_run.py'
RUN = {
    'README.md': ('test_readme.py', PREDICTION),
    'docs/predict.md': ('test_docs/test_tutorials.py', PREDICTION),
    'docs/export.md': ('test_docs/test_tutorials.py',),
    'docs/migration.md': ('test_docs/test_migration.py',),
    'docs/in_mmpose.md': ('test_tools/test_in_mmpose.py', 'test_mim.py'),
    'docs/train.md': ('test_tools/test_own_keypoints.py',),
}
NOT_RUN = 'The tests parse the commands of this page and do not run them'


class Parsed(BaseException):
    """Stops a program after it has parsed its command line."""


def in_shell(text: str) -> list[str]:
    """Return the commands of a block, continued lines joined."""
    lines = text.replace('\\\n', ' ').splitlines()
    return [' '.join(line.split()) for line in lines if line.strip()]


def commands_of(text: str) -> list[str]:
    """Return the commands of the blocks, and those between single backticks."""
    blocks = [code for kind, code in BLOCK.findall(text) if kind == 'sh']
    spans = re.findall(r'(?<!`)`([^`]+)`(?!`)', BLOCK.sub('', text))
    inline = [' '.join(span.split()) for span in spans]
    return [
        *(command for block in blocks for command in in_shell(block)),
        *(span for span in inline if PROGRAMS.match(span)),
    ]


COMMANDS = sorted(
    {
        (str(page.relative_to(ROOT)), command)
        for page in PAGES
        for command in commands_of(page.read_text(encoding='utf-8'))
    }
)


def run_tool(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a tool until it has parsed its command line."""
    tool, *_ = words
    assert (ROOT / tool).is_file(), tool
    if tool == 'tools/mmpose_tool.py':  # it passes its arguments on to MMPose
        return
    parse_args = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *arguments: object) -> None:
        raise Parsed(parse_args(parser, *arguments))

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
    monkeypatch.setattr(sys, 'argv', words)
    monkeypatch.setattr(sys, 'path', [str((ROOT / tool).parent), *sys.path])
    with pytest.raises(Parsed):
        runpy.run_path(str(ROOT / tool), run_name='__main__')


def run_verb(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a verb until it has parsed its command line."""
    verb, *options = words
    assert verb in (*VERBS, 'VERB'), verb
    if verb == 'VERB' or not options:  # the verb is named, nothing is called
        return
    parsed = []
    module = importlib.import_module(f'rcn_mmpose.cli.{verb}')
    monkeypatch.setattr(module, 'run', parsed.append)
    main(words)
    assert len(parsed) == 1


@pytest.mark.usefixtures('handlers')
@pytest.mark.parametrize(
    ('page', 'command'), COMMANDS, ids=[f'{p}: {c[:60]}' for p, c in COMMANDS]
)
def test_commands_parse(
    page: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(command, comments=True)
    while words and re.match(r'[A-Z_0-9]+=', words[0]):
        words.pop(0)
    if not words or words[0] in ('.', 'for', 'done'):
        return
    program, *rest = words
    name = Path(program).name
    if name == 'make':
        makefile = (ROOT / 'Makefile').read_text()
        for target in rest:
            assert '=' in target or f'\n{target}:' in makefile, target
    elif name == 'rcn-mmpose':
        run_verb(rest, monkeypatch)
    elif name == 'python' and rest[0] == '-m':
        assert importlib.util.find_spec(rest[1]), rest[1]
    elif name == 'python' and rest[0].startswith('tools/'):
        run_tool(rest, monkeypatch)
    elif name == 'python':
        assert (ROOT / rest[0]).is_file(), rest[0]
    elif program.startswith('tools/'):
        assert (ROOT / program).stat().st_mode & 0o100, program
    elif name == 'mim':
        known = ('run', 'train', 'test', 'gridsearch', 'search', 'download')
        assert rest[0] in known, rest[0]
    elif name == 'pip':
        assert 'rcn_mmpose' not in command, 'the package is on no index'
    else:
        raise AssertionError(f'{page}: unknown program {program!r}')


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_code_is_run_or_said_to_be_not(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    name = str(page.relative_to(ROOT))
    kinds = {kind for kind, _ in BLOCK.findall(text)} & {'sh', 'python'}
    said = NOT_RUN in ' '.join(text.split())
    if name in RUN:
        for test in RUN[name]:
            assert (ROOT / 'tests' / test).is_file(), test
        return
    assert said == ('sh' in kinds), f'{name} has code of kind {kinds}'
    # The Python code of the model cards is run.
    assert 'python' not in kinds or said or page.parent.name == 'models'


def test_advice_of_the_code_names_what_exists() -> None:
    """Messages and docstrings name tools, modules and packages that exist."""
    for folder in ('rcn_mmpose', 'tools', 'configs'):
        for path in (ROOT / folder).rglob('*.py'):
            text = ' '.join(path.read_text(encoding='utf-8').split())
            text = re.sub(r"' f?'|\" f?\"", '', text)  # strings over several lines
            assert not re.search(r"pip install [\"']?rcn_mmpose", text), path
            for tool in re.findall(r'\bpython (tools/[\w/.]+\.py)', text):
                assert (ROOT / tool).is_file(), f'{path}: {tool}'
            for module in re.findall(r'\bpython -m (rcn_mmpose[\w.]*\w)', text):
                assert importlib.util.find_spec(module), f'{path}: {module}'
            for verb in re.findall(r'\brcn-mmpose ([a-z]+)\b', text):
                assert verb in VERBS or verb in ('command', 'is'), f'{path}: {verb}'
