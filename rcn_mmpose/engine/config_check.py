"""Find misspelt keys of a config before a run starts."""

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import mmpose.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
    TestLoop,
    ValLoop,
)
from torch.utils.data import DataLoader

# Packages whose classes are checked. Classes of other packages may accept any key.
PACKAGES = ('rcn_mmpose', 'mmpose', 'mmengine', 'torch.optim')
# Keys that MMEngine removes before it calls the class.
CONSUMED = {
    'type',
    '_scope_',
    '_delete_',
    'priority',
    'convert_to_iter_based',
    'constructor',
    'paramwise_cfg',
    'loss_scale',
}
LOADER_KEYS = {'num_batch_per_epoch', 'dataset', 'collate_fn', 'sampler'}
HOOKS = {
    *('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler'),
    *('checkpoint', 'visualization', 'badcase'),
}
# Keys of dicts without a type, by their place.
PLACES = {
    'custom_imports': {'imports', 'allow_failed_imports'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
}
# Some keys of dicts that may have others, by the last part of their place.
OPEN_PLACES = {
    'dist_cfg': {'backend', 'init_backend', 'timeout', 'port'},
    'data_prefix': {'img', 'img_path'},
    'test_cfg': {
        *('flip_test', 'flip_mode', 'shift_heatmap', 'shift_coords'),
        *('output_heatmaps', 'output_keypoint_indices'),
    },
}
# Keys that MMEngine and this package read beside the arguments of the runner.
TOP_KEYS = {
    *('custom_imports', 'model_wrapper_cfg', 'find_unused_parameters', 'sync_bn'),
    *('activation_checkpointing', 'efficient_conv_bn_eval', 'compile', 'licence'),
    *('tta_model', 'tta_pipeline', 'gpu_ids', 'port'),
}


def check_config(cfg: Config) -> None:
    """Raise an error for the first misspelt key.

    The function checks the keys of every dict whose ``type`` names a class of
    this package, MMEngine, MMPose or PyTorch's optimisers, the keys of the data
    loaders, the loops, the hooks and the environment, and top-level keys that
    resemble an argument of the runner. Where a class takes any keyword, a key that
    resembles one of its arguments is an error.

    Args:
        cfg (Config): Config of an experiment.

    Raises:
        ValueError: For a misspelt key. The error names the key, its place in the
            config and the most similar allowed key.
    """
    runner_keys = {'custom_imports', *inspect.signature(Runner).parameters}
    for key in cfg:
        if key not in runner_keys:
            near = difflib.get_close_matches(key, runner_keys, 1, 0.85)
            if near:
                raise _misspelt(key, 'the config', near, runner_keys)
    loop = cfg.get('train_cfg') or {}
    if loop.get('by_epoch') is False and 'max_epochs' in loop:
        raise ValueError(
            'train_cfg has by_epoch=False, which counts max_iters, and max_epochs. '
            'Leave one out; train_cfg._delete_=True in --cfg-options removes all '
            'keys of the config file.'
        )
    for where, node in _dicts(cfg.to_dict(), ''):
        owner, complete, cutoff = where, True, 0.6
        last = where.split('.')[-1]
        if where.endswith('_dataloader'):
            allowed = LOADER_KEYS.union(inspect.signature(DataLoader).parameters)
        elif 'type' not in node and _of_place(where, node):
            allowed = _of_place(where, node)
        elif 'type' not in node and last in OPEN_PLACES:
            allowed, complete, cutoff = OPEN_PLACES[last], False, 0.74
        else:
            owner = f'{where or "the config"}, a {node.get("type")}'
            allowed, complete = _arguments(node.get('type'))
            cutoff = 0.6 if complete else 0.85
        for key in node:
            if key in allowed or key in CONSUMED:
                continue
            near = difflib.get_close_matches(str(key), allowed | CONSUMED, 1, cutoff)
            if complete or near:
                raise _misspelt(key, owner, near, allowed)
        if where == 'default_hooks':
            for key, hook in node.items():
                near = difflib.get_close_matches(str(key), HOOKS, 1, 0.8)
                lost = isinstance(hook, dict) and 'type' not in hook
                if lost or near and near != [key]:
                    raise _misspelt(key, where, near, HOOKS)


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Raise an error for an option that would have no effect.

    MMEngine creates the keys that an option names. A key beside a similar one of a
    dict that has no type, and a variable that the config file reads only once, would
    have no effect.

    Args:
        cfg (Config): Config without the options.
        options (Mapping): ``--cfg-options``, by dotted key.

    Raises:
        ValueError: For such an option; the error names the key that was meant.
    """
    top = TOP_KEYS.union(inspect.signature(Runner).parameters)
    tree = cfg.to_dict()
    for option in options:
        first, *rest = option.split('.')
        if first not in top:
            raise ValueError(_no_effect(option, tree, top))
        node: Any = tree.get(first)
        for depth, key in enumerate(rest, 1):
            place = '.'.join(option.split('.')[:depth])
            if isinstance(node, (list, tuple)):
                if not key.isdecimal() or int(key) >= len(node):
                    raise ValueError(
                        f'option {option!r}: {place} is a list of {len(node)}; '
                        f'{key!r} must be a number below {len(node)}.'
                    )
                node = node[int(key)]
            elif not isinstance(node, dict) or key not in node:
                siblings = node if isinstance(node, dict) else {}
                near = _near(key, siblings)
                if near and 'type' not in siblings and place not in PLACES:
                    known = _of_place(place, siblings)
                    if key not in known and not place.endswith('_dataloader'):
                        raise _misspelt(key, place, near, set(siblings))
                break
            else:
                node = node[key]


def _no_effect(option: str, tree: dict, top: set[str]) -> str:
    """Say that an option sets a variable that nothing reads, and what was meant."""
    first, *rest = option.split('.')
    last = option.split('.')[-1]
    meant = [
        '.'.join(filter(None, (where, last)))
        for where, node in _dicts({k: v for k, v in tree.items() if k in top}, '')
        if last in node and where
    ]
    near = _near(first, top)
    if near:
        meant = ['.'.join([near[0], *rest]), *meant]
    if first in tree:
        text = f'{first!r} is a variable that the config file reads only once'
    else:
        text = f'the config has no setting {first!r}'
    cure = f': did you mean {" or ".join(map(repr, meant[:3]))}?' if meant else '.'
    return f'option {option!r} has no effect, because {text}{cure}'


def _near(key: str, allowed: Iterable[str]) -> list[str]:
    """Return the most similar of some keys, if one is similar."""
    return difflib.get_close_matches(key, [str(x) for x in allowed], 1, 0.7)


def _of_place(where: str, node: dict) -> set[str]:
    """Return the allowed keys of a dict without a type; empty if unknown."""
    if where in PLACES:
        return PLACES[where]
    loops: dict[str, type] = dict(
        train_cfg=IterBasedTrainLoop
        if node.get('by_epoch') is False
        else EpochBasedTrainLoop,
        val_cfg=ValLoop,
        test_cfg=TestLoop,
    )
    if where not in loops:
        return set()
    allowed = {'by_epoch', *inspect.signature(loops[where]).parameters}
    return allowed - {'runner', 'dataloader', 'evaluator'}


def _misspelt(key: str, owner: str, near: list[str], allowed: set[str]) -> ValueError:
    """Create the error for an unknown key."""
    if near:
        cure = f'did you mean {near[0]!r}?'
    else:
        cure = f'allowed are {", ".join(sorted(allowed))}.'
    return ValueError(f'unknown key {key!r} in {owner}: {cure}')


def _dicts(node: Any, where: str) -> Iterator[tuple[str, dict]]:
    """Yield the dotted path and the content of each dict in a config."""
    if isinstance(node, dict):
        yield where, node
        children: Iterable[tuple[Any, Any]] = node.items()
    elif isinstance(node, (list, tuple)):
        children = enumerate(node)
    else:
        return
    for key, child in children:
        yield from _dicts(child, f'{where}.{key}' if where else str(key))


def _arguments(name: Any) -> tuple[set[str], bool]:
    """Collect the arguments of a registered class.

    Returns:
        tuple[set[str], bool]: The arguments, and whether these are all; no arguments
        and False if no checked class has this name.
    """
    allowed: set[str] = set()
    complete = True
    for registry in vars(mmpose.registry).values():
        if not isinstance(registry, Registry) or not isinstance(name, str):
            continue
        found = registry.get(name)
        if found is None:
            continue
        if not inspect.isclass(found) or not found.__module__.startswith(PACKAGES):
            return set(), False
        for base in found.__mro__:
            if '__init__' not in vars(base):
                continue
            if base is object:
                complete = False
                break
            parameters = inspect.signature(vars(base)['__init__']).parameters
            allowed.update(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return allowed, complete and bool(allowed)
