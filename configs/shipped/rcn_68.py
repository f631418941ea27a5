r"""The model "rcn-68": RCN on 300W, for images as they come.

    python tools/train.py configs/shipped/rcn_68.py --amp --device-data \
        --cfg-options load_from=SECOND.pth

is the third training, which goes on from the best weights of
rcn_68_second.py. 300W's labels lie 0.39 % of the box's side, a third of a
pixel of the crop, to the right of where mirrored faces say they are
(tools/analysis_tools/mirror_bias.py, on training faces): from here on mirrored faces are
labelled on that side too, or the network would learn what is between.

Keypoints are read off a window of 17 cells: on the validation faces 4.51 %
(pixels) where 5 cells give 4.58. Along the contour, the network knows less
well where a keypoint lies than on which side of its best cell.
"""

_base_ = ['rcn_68_second.py']

model = dict(head=dict(decoder=dict(window=17)))

train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(type='rcn_mmpose.FlipFace', label_bias=0.0039)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

max_epochs = 45
train_cfg = dict(max_epochs=max_epochs)
_base_.param_scheduler[1].end = max_epochs
