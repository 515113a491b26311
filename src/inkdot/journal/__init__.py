"""The durable log: what a street heard, in the order it heard it.

One folder per street (`street-0/`), in it numbered segments of framed records. One process writes a folder, any number
read it while it is written. The journal knows nothing of HTTP, events or SQL, and survives all of them.
"""
