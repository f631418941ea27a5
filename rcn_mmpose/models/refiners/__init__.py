"""Refiners: the keypoint denoising model."""

from .keypoint_denoiser import KeypointDenoiser

__all__ = ['KeypointDenoiser']
