"""Columns of what is handed to DuckDB, by their names and kinds."""

from __future__ import annotations

import nanoarrow as na

COLUMNS = {
    "id": na.uint64(), "time": na.int64(), "kind": na.string(), "workspace": na.uint16(),
    "contact": na.uint64(), "message": na.uint64(), "link": na.uint64(), "part": na.uint16(),
    "url": na.uint32(), "verdict": na.uint32(), "raw": na.uint32(), "human": na.uint8(),
    "machine": na.bool_(), "because": na.string(), "repeat_of": na.uint64(), "rules": na.string(),
}  # fmt: skip
SCENE = {
    "document": na.uint64(), "page": na.uint32(), "site": na.uint64(), "visitor": na.uint64(),
    "visit": na.uint64(), "referrer": na.string(), "channel": na.string(), "source": na.string(),
    "seconds": na.float64(), "name": na.string(), "detail": na.string(),
}  # fmt: skip
RELABELLED = {name: COLUMNS[name] for name in ("id", "verdict", "human", "machine", "rules")}
DROPPED = {"ping": na.uint64(), "time": na.int64(), "reason": na.string()}
PEOPLE = {"workspace": na.uint64(), "contact": na.uint64(), "message": na.uint64()}
