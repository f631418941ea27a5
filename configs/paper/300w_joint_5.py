"""The joint model of RCN and denoiser on 300W, 68 keypoints: Table 4's last row.

Paper: 4.67 % on the common set, 8.44 % on IBUG, 5.41 % on both. The joint model
is not trained. It combines the weights of 300w_rcn_5.py and 300w_denoiser.py;
see joint_300w.py.
"""

_base_ = ['../joint_300w.py']
