"""A page on this machine: drop an image, see its keypoints.

:mod:`.upload` checks what is sent, :mod:`.service` predicts and draws,
:mod:`.server` speaks HTTP (Python's own server, no framework), and
``page.html``, ``page.css`` and ``page.js`` are what a browser shows. They load
nothing from elsewhere.
"""
