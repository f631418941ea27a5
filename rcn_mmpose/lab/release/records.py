"""Records of a shipped model: test results, model card and metafile."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...shipped.catalogue import ShippedModel

# Terms of use; LICENSE-weights.md gives the reasons.
TERMS = {
    'research': 'research only',
    'free': 'Apache License 2.0, as the code',
}
MARK = 'facts'  # mark of the part of a model card that ship.py writes
TASK = 'Face 2D Keypoint'
MODELS = '\nModels:\n'


def read_metrics(path: str | None) -> dict[str, dict[str, float]]:
    """Read test results, ``{dataset: {measure: number}}``, from a json.

    Args:
        path (str, optional): The file. None means no results.

    Raises:
        ValueError: If the file has other content.
    """
    if path is None:
        return {}
    content = json.loads(Path(path).read_text(encoding='utf-8'))
    fits = isinstance(content, dict) and all(
        isinstance(results, dict)
        and all(
            type(value) in (int, float) and math.isfinite(value)
            for value in results.values()
        )
        for results in content.values()
    )
    if not fits:
        raise ValueError(
            f'{path!r} must hold numbers by dataset and measure, such as '
            '{"AFLW-5": {"NME cells": 5.6, "NME pixels": 5.3}}.'
        )
    return content


def card_facts(model: ShippedModel) -> str:
    """Format the facts of a model card in Markdown."""
    halving = model.halving
    facts = {
        'keypoints': model.keypoints,
        'parameters': f'{model.parameters:,}',
        'trained on': model.trained_on,
        'terms': f'{model.terms}, see '
        '[LICENSE-weights.md](../../rcn_mmpose/shipped/models/LICENSE-weights.md)',
        'config': f'[{model.config}](../../{model.config})',
        'date': model.date,
        'weights': f'16 bits. On {halving["faces"]} {halving["kind"]} this '
        f'moved keypoints by {halving["median"]:g} (median), '
        f'{halving["percentile_99"]:g} (99 of 100) and {halving["largest"]:g} '
        '(all) pixels of the crop at most, and their confidence by '
        f'{halving["confidence"]:g}',
    }
    for name, file in model.files.items():
        facts[name] = f'{file["bytes"]:,} bytes, sha256 {file["sha256"]}'
    lines = ['| | |', '| --- | --- |']
    lines += [f'| {name} | {fact} |' for name, fact in facts.items()]
    if model.metrics:
        lines += ['', '| dataset | measure | value |', '| --- | --- | --- |']
    for data, results in model.metrics.items():
        lines += [f'| {data} | {k} | {v:g} |' for k, v in results.items()]
    return '\n'.join(lines)


def metafile_with(text: str, model: ShippedModel, operations: int) -> str:
    """Add a model to a metafile of OpenMMLab, or replace its entry.

    The rest of the text, including comments, does not change.

    Args:
        text (str): Text of the metafile; its last part is ``Models``.
        model (ShippedModel): The model. The entry has the name of its config.
        operations (int): Multiply-adds per face.

    Returns:
        str: The new text.

    Raises:
        ValueError: If the metafile has another structure.
    """
    entry: dict[str, Any] = {
        'Name': Path(model.config).stem,
        'Alias': [model.name],
        'In Collection': 'RCN',
        'Config': model.config,
        'Metadata': {
            'Training Data': model.trained_on,
            'FLOPs': operations,
            'Parameters': model.parameters,
        },
    }
    if model.metrics:
        entry['Results'] = [
            {'Task': TASK, 'Dataset': data, 'Metrics': dict(results)}
            for data, results in model.metrics.items()
        ]
    head, mark, rest = text.partition(MODELS)
    parts = f'\n{rest}'.split('\n- Name: ')[1:]
    blocks = [f'- Name: {part.strip()}\n' for part in parts]
    block = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True)
    names = [part.splitlines()[0] for part in parts]
    if entry['Name'] in names:
        blocks[names.index(entry['Name'])] = block
    else:
        blocks.append(block)
    new = head + mark + '\n'.join(blocks)
    before, after = _models(text), _models(new)
    others = [
        [other for other in models if other.get('Name') != entry['Name']]
        for models in (before, after)
    ]
    if not before or others[0] != others[1] or entry not in after:
        raise ValueError(
            'the metafile cannot be changed: its Models are not the last '
            "part, or not a list of '- Name: ...'."
        )
    return new


def _models(text: str) -> list[Mapping]:
    """Return the models of a metafile; an empty list if it is malformed."""
    try:
        return yaml.safe_load(text)['Models']
    except (yaml.YAMLError, KeyError, TypeError):
        return []
