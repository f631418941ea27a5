"""SumNet with 5 branches and one weight per position, as in eq. 1.

The paper's errors come from one weight per branch and keypoint.
"""

_base_ = ['aflw_sumnet_5.py']

model = dict(head=dict(weight_per_pixel=True, map_size=(80, 80)))
