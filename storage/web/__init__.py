"""The reading room: the archive as pages for a browser on this machine.

Read-only from end to end: the database refuses changes, and nothing but GET and HEAD is answered. The pages are
made here whole, and need no script and nothing from elsewhere. What was archived is hostile until proved
otherwise: its text is cleaned and escaped wherever it is shown, and its pages are served as text that no browser
runs.
"""
