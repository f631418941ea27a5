"""The model "rcn-68-joint": "rcn-68" and the compact denoiser.

Not trained, but made of two trainings, rcn_68.py and
../denoiser_compact_300w.py. The denoiser moves keypoints that nobody can see
to where a face has them.
"""

_base_ = ['../joint_compact_300w.py']
