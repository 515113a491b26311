"""What follows from an event: rules, firings, the outbox and its channels.

`rule.py` reads what a user wrote, `match.py` decides (pure), `watch.py` turns a batch of events into firings, `deliver.py` hands
what is due to `channels/`. Nothing here judges a ping: that has happened before.
"""
