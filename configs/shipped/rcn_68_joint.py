"""The shipped model "rcn-68-joint": "rcn-68" and the compact denoiser.

The joint model is not trained. It combines the weights of two trainings,
rcn_68.py and ../denoiser_compact_300w.py. The denoiser moves hidden keypoints
to plausible positions.
"""

_base_ = ['../joint_compact_300w.py']
