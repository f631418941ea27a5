"""Check an exported model of unknown origin before an engine opens it.

:func:`check_foreign` reads both of its files. An engine obeys the ``.onnx``: it reads
the files that the graph names, and runs loops without end. :func:`check_contents`
allows the operators of this package's exports and one weights file. An ``.onnx`` is a
message of Protocol Buffers; this module reads the few fields that matter, without the
package ``onnx``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..io.allowed_parts import CALIBRATION, SIDE, Check, nested, number, options, word

# Message -> field number -> the message or text that the field holds. From the
# specification of ONNX (onnx.proto); other fields are skipped.
FIELDS: dict[str, dict[int, str]] = dict(
    model={7: 'graph', 20: 'training', 25: 'function'},
    training={1: 'graph', 2: 'graph'},
    function={7: 'node'},
    graph={1: 'node', 5: 'tensor', 15: 'sparse'},
    sparse={1: 'tensor', 2: 'tensor'},
    node={4: 'operator', 5: 'attribute', 7: 'domain'},
    attribute={
        5: 'tensor',
        6: 'graph',
        10: 'tensor',
        11: 'graph',
        22: 'sparse',
        23: 'sparse',
    },
    tensor={13: 'external'},
)
TEXTS = ('operator', 'domain')
KEY, VALUE = 1, 2  # of an entry about external data
# The operators of this package's exports: fp32, bf16, joint, with mirrored crops,
# calibrated, and 8 bits.
OPERATORS = frozenset(
    'Abs Add And ArgMax AveragePool Cast Clip Concat Constant ConstantOfShape Conv '
    'ConvTranspose DepthToSpace DequantizeLinear Div Equal Exp Expand Flatten Floor '
    'Gather GatherElements GatherND Gemm Greater GreaterOrEqual Identity If Less '
    'LessOrEqual Log MatMul Max MaxPool Min Mod Mul Neg Not Or Pad Pow QuantizeLinear '
    'Range Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Resize '
    'Shape Sigmoid Slice Softmax Split Sqrt Squeeze Sub Tile Transpose Unsqueeze '
    'Where'.split()
)
DEEPEST = 20
MOST_BYTES = 1_000_000  # of a description
MOST_KEYPOINTS = 4096


def texts(value: object) -> object:
    """Accept a list of short texts."""
    short = isinstance(value, list) and all(
        isinstance(item, str) and len(item) <= 200 for item in value
    )
    if not short or len(value) > MOST_KEYPOINTS:  # type: ignore[arg-type]
        raise ValueError
    return value


def pairs(value: object) -> object:
    """Accept pairs of whole numbers."""
    if not isinstance(value, list) or len(value) > MOST_KEYPOINTS:
        raise ValueError
    for pair in value:
        if not isinstance(pair, list) or [type(i) for i in pair] != [int, int]:
            raise ValueError
    return value


# Entry of the description -> its values. Others are checked where they are read.
ENTRIES: dict[str, Check] = dict(
    input_size=nested(SIDE),
    keypoints=texts,
    box_rule=options(rule=word('given', 'detection'), scale=number, shift=number),
    radius=number,
    calibration=CALIBRATION,
    lines=pairs,
)


def check_foreign(path: Path, description: Path) -> None:
    """Check both files of an exported model.

    Args:
        path (Path): The ``.onnx``.
        description (Path): The ``.json``.

    Raises:
        ValueError: If the description is no description, or has a value that is not
            allowed; or as :func:`check_contents`.
    """
    try:
        if description.stat().st_size > MOST_BYTES:
            raise ValueError(f'it has more than {MOST_BYTES:,} bytes')
        content = json.loads(description.read_bytes().decode('utf-8'))
        weights = content.get('weights') or {}
        file = weights.get('file')
        if not isinstance(file, (str, type(None))):
            raise ValueError(f'the weights file is {file!r:.200}')
    except (AttributeError, RecursionError, ValueError) as error:
        raise ValueError(
            f'{str(description)!r} does not describe a model ({error}); export the '
            'model again.'
        ) from None
    for name, check in ENTRIES.items():
        if name in content:
            try:
                check(content[name])
            except ValueError:
                raise ValueError(
                    f'{str(description)!r} has {name}={content[name]!r:.200}, which no '
                    'model of this package has; export the model again.'
                ) from None
    check_contents(path, file)


def check_contents(path: Path, weights: str | None) -> None:
    """Check the operators and the weights files that a model names.

    Args:
        path (Path): The ``.onnx``.
        weights (str, optional): The only file beside it that the model may read.

    Raises:
        ValueError: If the model names another operator or another file, or is not
            ONNX.
    """
    operators, files = set(), set()
    try:
        for kind, value in _walk(memoryview(path.read_bytes()), 'model', 0):
            text = bytes(value).decode('utf-8')
            if kind == 'operator':
                operators.add(text)
            elif kind == 'location':
                files.add(text)
            elif kind == 'domain' and text not in ('', 'ai.onnx'):
                operators.add(f'operators of {text!r}')
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f'{str(path)!r} is no complete ONNX file ({error}).') from None
    unknown = sorted(operators - OPERATORS)
    if unknown:
        raise ValueError(
            f'{str(path)!r} has operators that no model of this package has '
            f'({", ".join(unknown)[:200]}), so it is not opened: a graph can run for '
            'ever. Export the model with rcn-mmpose export.'
        )
    if not files <= {weights}:
        raise ValueError(
            f'{str(path)!r} would read {sorted(files)[0]!r:.200}; a model reads '
            'only the weights file that its .json names, in its own folder. Export the '
            'model again.'
        )
    if weights is not None:
        beside = os.path.realpath(path.with_name(weights))
        expected = os.path.join(os.path.dirname(os.path.realpath(path)), weights)
        if weights != os.path.basename(weights) or beside != expected:
            raise ValueError(
                f'the weights file {weights!r:.200} of {str(path)!r} is not a file in '
                'the folder of the model; copy it there.'
            )


def _walk(
    message: memoryview, kind: str, depth: int
) -> Iterator[tuple[str, memoryview]]:
    """Yield the texts of a message; of an external file its ``location``."""
    if depth > DEEPEST:
        raise ValueError('messages are nested too deeply')
    for field, value in _fields(message):
        inner = FIELDS[kind].get(field)
        if inner in TEXTS:
            yield inner, value
        elif inner == 'external':
            if (location := _location(value)) is not None:
                yield 'location', location
        elif inner is not None:
            yield from _walk(value, inner, depth + 1)


def _location(entry: memoryview) -> memoryview | None:
    """Return the file of an entry about external data; None if it names none.

    Raises:
        ValueError: If the entry does not have one key and one value. Of several, which
            one holds depends on the engine.
    """
    fields = list(_fields(entry))
    values = dict(fields)
    if len(fields) != 2 or set(values) != {KEY, VALUE}:
        raise ValueError('an entry about external data has no key and value')
    key = bytes(values[KEY])
    if key not in (b'location', b'offset', b'length', b'checksum'):
        raise ValueError(f'external data have the unknown key {key!r:.50}')
    return values[VALUE] if key == b'location' else None


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of each field with a length; skip the others."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(message, at)
            if length > len(message) - at:
                raise ValueError('a field is longer than the file')
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f'a field has the unknown type {kind}')


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError('a number is longer than 64 bits')
