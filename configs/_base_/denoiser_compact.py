"""The compact denoiser for 68 keypoints: 1.5 GMAC per face instead of 163.

It is a Recombinator Network on the one-hot maps. Its coarse branches have large
kernels: 9x9 cells of the 20x20 and 10x10 maps are 36 and 72 pixels. Merge this
file into ``model`` or ``refiner`` of denoiser_68_points.py.
"""

compact = dict(
    backbone=dict(
        _delete_=True,
        type='rcn_mmpose.RCN',
        in_channels=68,
        num_branches=5,
        arch=dict(
            trunk=((64, 3),) * 5,
            branches=(
                ((64, 3), (64, 1)),
                ((64, 5), (64, 1)),
                ((64, 9), (64, 1)),
                ((64, 9), (64, 1)),
                ((64, 5), (64, 1)),
            ),
        ),
    )
)
