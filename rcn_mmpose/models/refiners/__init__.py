from .keypoint_denoiser import KeypointDenoiser
from .large_kernel_net import LargeKernelNet

__all__ = ['KeypointDenoiser', 'LargeKernelNet']
