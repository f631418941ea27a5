from .contact_sheet import draw_keypoints, make_sheet
from .render import SyntheticFace, render_face
from .scene import five_of_68
from .streams import child

__all__ = [
    'SyntheticFace',
    'child',
    'draw_keypoints',
    'five_of_68',
    'make_sheet',
    'render_face',
]
