-- What was taken over from other programs: where in the journal it begins and, once it is whole, ends.
CREATE TABLE imports (
    digest      TEXT    PRIMARY KEY,    -- of file, site and format
    site        INTEGER NOT NULL REFERENCES sites ON DELETE CASCADE,
    begun       INTEGER NOT NULL,       -- unix seconds
    first       INTEGER NOT NULL,       -- segments of the journal's import stream
    behind      INTEGER
) STRICT, WITHOUT ROWID;
