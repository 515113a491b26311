-- Files as they were given, each content once.
CREATE TABLE uploads (
    hash    TEXT    PRIMARY KEY,    -- BLAKE2b-256 of the content, hexadecimal
    bytes   INTEGER NOT NULL,
    media   TEXT    NOT NULL,
    made    INTEGER NOT NULL        -- unix seconds
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    made        INTEGER NOT NULL
) STRICT;

-- A replaced file is a new version; links lead to the newest.
CREATE TABLE versions (
    document    INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    upload      TEXT    NOT NULL REFERENCES uploads,
    made        INTEGER NOT NULL,
    words       TEXT    NOT NULL,   -- JSON list: words on each page
    PRIMARY KEY (document, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX versions_by_upload ON versions (upload);

CREATE TABLE shares (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    document    INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    contact     INTEGER NOT NULL,
    made        INTEGER NOT NULL,
    expires     INTEGER,
    passcode    BLOB,               -- salt and scrypt digest
    gate        INTEGER NOT NULL,   -- 0 none, 1 the address is asked for, 2 and proved by a mailed code
    download    INTEGER NOT NULL,
    watermark   INTEGER NOT NULL,
    allow       TEXT    NOT NULL,   -- JSON lists of addresses and domains
    block       TEXT    NOT NULL,
    revoked     INTEGER,
    unmeasured  INTEGER             -- when the reader asked not to be measured
) STRICT;
CREATE INDEX shares_by_document ON shares (document);
CREATE INDEX shares_by_contact ON shares (workspace, contact);
