"""The compact denoiser on 300W's keypoints; recipe of denoiser_300w.py."""

_base_ = ['denoiser_300w.py', '_base_/denoiser_compact.py']

model = {{_base_.compact}}
