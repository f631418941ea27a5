"""The compact denoiser on 300W's keypoints, by denoiser_300w.py's recipe."""

_base_ = ['denoiser_300w.py', '_base_/denoiser_compact.py']

model = {{_base_.compact}}
