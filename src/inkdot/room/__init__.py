"""The reading room, public: shared documents and what readers do with them. It holds no SQL and reads no settings.

`routes` lists every address; `reader` answers them; `press` draws pages in a process of its own; `beats` takes what a
page's script measured and has it written down before it is acknowledged.
"""
