"""A denoiser of plain convolutions: 1.5 GMAC a face instead of 163.

A Recombinator Network over the one-hot maps. Its coarse branches have large
kernels: 9x9 cells of the 20x20 and 10x10 maps are 36 and 72 pixels. To go
over the ``model`` or ``refiner`` of 68 keypoints.
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
