"""The street door: hears requests, writes them down, answers. It stays up when all else is down.

`routes` has every public address; `door` speaks HTTP; `request` decides what may be written down; `batch` makes it
durable before `replies` leave.
"""
