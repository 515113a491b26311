"""From ping to event, with evidence. Pure: clock, chance, lists and memory are arguments.

`steps` is the whole path; `machine` holds the rules; `agent` and `address` say what client and network it was.
"""
