-- Documents that left with dots in them.
CREATE TABLE marked_documents (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    marked      INTEGER NOT NULL,   -- unix seconds
    contact     INTEGER NOT NULL,
    dots        INTEGER NOT NULL
) STRICT;
