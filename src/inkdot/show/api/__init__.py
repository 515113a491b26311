"""The API: JSON for programs, one file per noun. Handlers parse, ask one question of the house, and reply.

`routes.py` has every address; `door.py` is what each request passes; `openapi.py` describes it all from the same types.
"""
