"""Convolutions with large kernels, computed as products of spectra."""
