"""The parts that a config in a checkpoint may name, their arguments and values.

``PARTS`` is the list: what is not in it is refused. No argument is a path or a URL.
:func:`copy_part` checks a part by the list. A model with other parts needs its config
file, which its user trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

CURE = 'give the config file too: load_model(CONFIG, CHECKPOINT).'
SCOPES = ('mmengine', 'mmpose', 'rcn_mmpose')
# Arguments of any part that training needs and prediction does not.
NOT_NEEDED = frozenset(
    ('_scope_', 'init_cfg', 'metainfo', 'pretrained', 'refiner_checkpoint', 'train_cfg')
)
MOST_ITEMS, DEEPEST = 64, 6  # of a list, and of lists in lists

Check = Callable[[Any], Any]


def flag(value: Any) -> bool | None:
    """Accept True, False and None."""
    return _accept(value is None or isinstance(value, bool), value)


def number(value: Any) -> float:
    """Accept a finite number up to a million."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return _accept(plain and abs(value) <= 1e6, value)


def count(most: int) -> Check:
    """Accept a whole number from 0 to a limit."""

    def check(value: Any) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return _accept(whole and 0 <= value <= most, value)

    return check


def word(*words: str) -> Check:
    """Accept one of some words."""
    return lambda value: _accept(isinstance(value, str) and value in words, value)


def either(*checks: Check) -> Check:
    """Accept what one of the checks accepts."""

    def check(value: Any) -> Any:
        for one in checks:
            try:
                return one(value)
            except ValueError:
                pass
        raise ValueError

    return check


def nothing(value: Any) -> None:
    """Accept None."""
    return _accept(value is None, value)


def nested(item: Check, depth: int = DEEPEST) -> Check:
    """Accept an item, or lists of lists of items."""

    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return item(value)
        _accept(depth > 0 and len(value) <= MOST_ITEMS, value)
        return tuple(map(nested(item, depth - 1), value))

    return check


def options(**checks: Check) -> Check:
    """Accept a dict with some of these keys."""

    def check(value: Any) -> dict[str, Any]:
        _accept(isinstance(value, Mapping) and set(value) <= set(checks), value)
        return {key: checks[key](item) for key, item in value.items()}

    return check


def levels(value: Any) -> dict[int, Any]:
    """Accept the layers of some levels, by the number of the level."""
    _accept(isinstance(value, Mapping) and len(value) <= 16, value)
    return {count(16)(key): COUNTS(item) for key, item in value.items()}


def part(role: str) -> Check:
    """Accept a part that may play a role, see ``PARTS``."""
    return lambda value: None if value is None else copy_part(value, role)


def _accept(fits: bool, value: Any) -> Any:
    """Return a value that fits."""
    if not fits:
        raise ValueError
    return value


SIDE = count(1024)  # pixels or cells
CHANNELS = count(4096)
COUNTS = nested(CHANNELS)
CALIBRATION = either(nothing, options(temperature=number, covariance_scale=number))
ESTIMATOR: dict[str, Check] = dict(
    data_preprocessor=part('data_preprocessor'),
    backbone=part('backbone'),
    neck=part('neck'),
    head=part('head'),
    test_cfg=either(
        nothing,
        options(flip_test=flag, shift_heatmap=flag, flip_mode=word('heatmap')),
    ),
)
HEAD: dict[str, Check] = dict(
    in_channels=COUNTS,
    out_channels=CHANNELS,
    kernel_size=count(255),
    loss=part('loss'),
    decoder=part('decoder'),
)
NETWORK: dict[str, Check] = dict(
    num_branches=count(16),
    arch=either(
        word('mtfl', '300w'),
        options(trunk=COUNTS, branches=COUNTS, coarsest=levels),
    ),
    in_channels=CHANNELS,
    mask=either(nothing, COUNTS),
)
# Role -> type, with its scope -> argument -> the values that it may have.
PARTS: dict[str, dict[str, dict[str, Check]]] = dict(
    model={
        'mmpose.TopdownPoseEstimator': ESTIMATOR,
        'rcn_mmpose.ELTPoseEstimator': {**ESTIMATOR, 'elt': part('elt')},
        'rcn_mmpose.JointEstimator': {
            **ESTIMATOR,
            'refiner': part('refiner'),
            'rounds': count(16),
        },
    },
    refiner={'rcn_mmpose.KeypointDenoiser': ESTIMATOR},
    data_preprocessor={
        'rcn_mmpose.LCNDataPreprocessor': dict(
            batch_floor_in_training=flag, non_blocking=flag
        ),
        'mmpose.PoseDataPreprocessor': dict(
            mean=nested(number),
            std=nested(number),
            bgr_to_rgb=flag,
            rgb_to_bgr=flag,
            pad_size_divisor=SIDE,
            pad_value=number,
            non_blocking=flag,
        ),
    },
    backbone={
        'rcn_mmpose.RCN': {**NETWORK, 'skip': flag},
        'rcn_mmpose.SumNet': NETWORK,
        'rcn_mmpose.TCDCN': dict(in_channels=CHANNELS),
        'rcn_mmpose.Trunk': dict(
            layers=either(word('mtfl', '300w'), COUNTS),
            num_levels=either(nothing, count(16)),
            in_channels=CHANNELS,
        ),
        'rcn_mmpose.LargeKernelNet': dict(
            in_channels=CHANNELS,
            channels=CHANNELS,
            num_convs=count(64),
            kernel_size=count(255),
            input_size=nested(SIDE),
        ),
    },
    neck={
        'rcn_mmpose.Recombinator': dict(in_channels=COUNTS, branches=COUNTS, skip=flag),
        'rcn_mmpose.RefineNet': dict(
            in_channels=COUNTS, channels=COUNTS, pool_stages=count(16)
        ),
        'mmpose.FeatureMapProcessor': dict(
            select_index=COUNTS,
            concat=flag,
            scale_factor=number,
            apply_relu=flag,
            align_corners=flag,
        ),
    },
    head={
        'rcn_mmpose.SpatialSoftmaxHead': HEAD,
        'rcn_mmpose.SoftArgmaxHead': HEAD,
        'rcn_mmpose.SumNetHead': {
            **HEAD,
            'map_size': either(nothing, nested(SIDE)),
            'weight_per_pixel': flag,
        },
        'rcn_mmpose.LRRHead': {
            **HEAD,
            'num_basis': count(255),
            'gate_size': count(255),
        },
    },
    loss={
        'rcn_mmpose.SpatialCrossEntropyLoss': dict(loss_weight=number),
        'rcn_mmpose.SoftArgmaxLoss': dict(beta=number, loss_weight=number),
    },
    elt={
        'rcn_mmpose.EquivariantLandmarkLoss': dict(
            alpha=number, shift=number, scale=number, rotation=number
        ),
    },
    decoder={
        'rcn_mmpose.CellIndex': dict(
            input_size=nested(SIDE),
            heatmap_size=either(nothing, nested(SIDE)),
            target=word('one', 'four'),
            decoding=word('argmax', 'local'),
            window=count(1024),
            outside=word('clamp', 'mask'),
            score_radius=number,
            calibration=CALIBRATION,
        ),
    },
    # Steps of the test pipeline; the predictor reads two of them.
    step={
        'rcn_mmpose.CropFace': dict(input_size=nested(SIDE)),
        'rcn_mmpose.FaceBox': dict(
            rule=word('given', 'detection', 'eyes_and_mouth', 'extent'),
            scale=number,
            shift=number,
            margin=number,
        ),
    },
)
# A training with --device-data has its pipeline in this part. Prediction needs the
# part that it extends.
INSTEAD = {'rcn_mmpose.CropCachePreprocessor': 'rcn_mmpose.LCNDataPreprocessor'}
TRAINING_ONLY = {'rcn_mmpose.CropCachePreprocessor': {'pipeline', 'max_device_gb'}}


def copy_part(value: Any, role: str) -> dict[str, Any]:
    """Copy a part that may play a role, without what prediction does not need.

    Args:
        value (Any): The config of the part.
        role (str): A key of ``PARTS``.

    Raises:
        ValueError: If its type, an argument or a value is not in ``PARTS``. The message
            names the first one.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get('type'), str):
        raise _refused(role, value)
    name = full_name(value['type'], role)
    known = PARTS[role].get(INSTEAD.get(name, name))
    if known is None:
        raise _refused(f'{role}.type', value['type'])
    left_out = NOT_NEEDED | {'type'} | TRAINING_ONLY.get(name, set())
    copy: dict[str, Any] = dict(type=INSTEAD.get(name, name))
    for key, item in value.items():
        if key in left_out:
            continue
        try:
            copy[key] = known[key](item)
        except (KeyError, ValueError) as error:
            if isinstance(error, ValueError) and error.args:
                raise  # of a part inside this one
            raise _refused(f'{name}.{key}', item) from None
    return copy


def full_name(name: str, role: str) -> str:
    """Add the scope to the name of a known type; other names stay as they are."""
    scope, _, last = name.rpartition('.')
    known = (*PARTS[role], *INSTEAD)
    return next(
        (k for k in known if k.endswith(f'.{last}') and scope in ('', *SCOPES)), name
    )


def _refused(place: str, value: Any) -> ValueError:
    """Return the error about a part that is not on the list."""
    return ValueError(
        f'the config in the checkpoint has {place}={value!r:.200}, which is not among '
        f'the parts and values that a checkpoint may name; if you trust it, {CURE}'
    )
