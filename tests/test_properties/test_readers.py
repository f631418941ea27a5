"""Readers of files accept a file, or raise one ValueError that names it.

The targets are those of tests/fuzz/fuzz.py, which runs longer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from conftest import ROOT, load_script
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = ROOT / 'tests' / 'fuzz_cases'
NAMES = (
    *('pts', 'mtfl', 'mat', 'faces', 'own_faces', 'annotations', 'boxes'),
    *('predictions', 'errors', 'config', 'checkpoint', 'cache', 'image'),
    *('image_header', 'predict', 'onnx_graph', 'description'),
)
Target = Callable[[bytes], bool]


@pytest.fixture(scope='module')
def fuzz() -> ModuleType:
    sys.path.insert(0, str(ROOT / 'tests' / 'fuzz'))
    try:
        return load_script('fuzz/fuzz.py')
    finally:
        sys.path.remove(str(ROOT / 'tests' / 'fuzz'))


@pytest.fixture(scope='module')
def targets(
    fuzz: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Target]:
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('rcn_mmpose.cli.predict.load', None)  # restored afterwards
        for name in fuzz.TARGETS:
            folder = tmp_path_factory.mktemp(name)
            made[name] = fuzz.Target(name, str(folder))
        yield made


def seeds(name: str, *kinds: str) -> list[bytes]:
    paths = sorted((CASES / name).iterdir())
    return [p.read_bytes() for p in paths if p.name.startswith(kinds)]


def test_each_target_is_tested(fuzz: ModuleType) -> None:
    assert set(NAMES) == set(fuzz.TARGETS)
    assert {path.name for path in CASES.iterdir()} == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_cases(name: str, targets: dict[str, Target]) -> None:
    """Valid cases are read; cases that once were findings are refused."""
    for path in sorted((CASES / name).iterdir()):
        kind = path.name.split('_')[0]
        assert kind in ('valid', 'found', 'odd')
        read = targets[name](path.read_bytes())
        if kind != 'odd':  # odd cases may be read or refused
            assert read is (kind == 'valid'), path


@pytest.mark.parametrize('name', NAMES)
@given(content=st.binary(max_size=300) | st.text(max_size=200))
def test_any_bytes(name: str, targets: dict[str, Target], content: bytes | str) -> None:
    if isinstance(content, str):
        content = content.encode(errors='surrogatepass')
    targets[name](content)


def test_a_very_long_line(targets: dict[str, Target]) -> None:
    """Python's csv accepts fields of up to 131,072 characters."""
    for name in ('errors', 'boxes', 'predictions'):
        (content, *_) = [s for s in seeds(name, 'valid') if s[:1] != b'{']
        assert not targets[name](content + b'a' * 140_000)


# Position as a fraction of the file; length; replacement.
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 12),
        st.binary(max_size=6)
        | st.sampled_from(
            [b'', b'-', b'nan', b'1e999', b'9' * 400, b'\0', b'\xff' * 8]
            + [b'{', b'[' * 3000, b'"', b'\n', b'null', b'()', b'\xc2\xb2']
        ),
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize('name', NAMES)
@given(data=st.data(), edits=EDITS, cut=st.none() | st.floats(0, 1))
def test_valid_files_changed(
    name: str,
    targets: dict[str, Target],
    data: st.DataObject,
    edits: list,
    cut: float | None,
) -> None:
    content = data.draw(st.sampled_from(seeds(name, 'valid')))
    for place, size, new in edits:
        at = int(place * len(content))
        content = content[:at] + new + content[at + size :]
    if cut is not None:
        content = content[: int(cut * len(content))]
    targets[name](content)


JSON = ('faces', 'own_faces', 'annotations', 'boxes', 'predictions', 'cache')


@pytest.mark.parametrize('name', JSON)
@settings(max_examples=200)
@given(seed=st.integers(0, 2**32 - 1), pick=st.integers(0, 9))
def test_valid_json_with_other_values(
    name: str,
    fuzz: ModuleType,
    targets: dict[str, Target],
    seed: int,
    pick: int,
) -> None:
    known = [s for s in seeds(name, 'valid') if s.startswith(b'{')]
    content = known[pick % len(known)]
    targets[name](fuzz.mutate_json(content, 10**6, seed))
