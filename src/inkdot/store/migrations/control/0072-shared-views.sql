-- Views of the office that somebody without an account may look at, by a link.
CREATE TABLE shared_views (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    page        TEXT    NOT NULL,   -- its path, as /mails
    words       TEXT    NOT NULL,   -- JSON: what its address said, so that an erasure finds who is named there
    digest      BLOB    NOT NULL UNIQUE,
    password    TEXT,               -- its hash
    by          TEXT    NOT NULL,
    made        INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    used        INTEGER             -- when it was last looked at
) STRICT;
CREATE INDEX shared_views_of_workspace ON shared_views (workspace);
