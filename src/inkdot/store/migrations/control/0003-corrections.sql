-- What people say of events against the rules. The last word on an event counts; earlier ones stay readable.
CREATE TABLE corrections (
    number      INTEGER PRIMARY KEY,
    event       INTEGER NOT NULL,
    says        TEXT    NOT NULL CHECK (says IN ('human', 'machine', 'me')),
    because     TEXT    NOT NULL,
    time        INTEGER NOT NULL    -- unix seconds
) STRICT;
CREATE INDEX corrections_by_event ON corrections (event);
