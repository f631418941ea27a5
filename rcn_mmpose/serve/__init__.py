"""A local web page that shows the keypoints of an image.

:mod:`rcn_mmpose.serve.upload` checks and decodes an uploaded image,
:mod:`rcn_mmpose.serve.admission` checks the headers of a request and
:mod:`rcn_mmpose.serve.query` reads its query,
:mod:`rcn_mmpose.serve.connections` ends slow requests,
:mod:`rcn_mmpose.serve.service` predicts and draws,
:mod:`rcn_mmpose.serve.drawn_faces` takes the boxes that the user draws, and
:mod:`rcn_mmpose.serve.server` is the HTTP server (``http.server`` of Python, no
framework). A browser shows ``page.html``, ``page.css`` and ``page.js``. The page
loads no files from other sites.
"""
