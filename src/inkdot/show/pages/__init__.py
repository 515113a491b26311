"""The dashboard: pages for people. Every address stands in `routes.py`; `desk.py` makes the answers."""
