CREATE TABLE workspaces (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL
) STRICT;
INSERT INTO workspaces VALUES (1, 'default');

CREATE TABLE contacts (
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    id          INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX contacts_by_address ON contacts (workspace, address);

CREATE TABLE messages (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    marked      INTEGER NOT NULL,   -- unix seconds
    subject     TEXT,
    internet_id TEXT
) STRICT;
CREATE INDEX messages_by_time ON messages (workspace, marked);

CREATE TABLE recipients (
    message     INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    contact     INTEGER NOT NULL,
    PRIMARY KEY (message, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    message     INTEGER REFERENCES messages ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    destination BLOB    NOT NULL
) STRICT;
CREATE INDEX links_by_message ON links (message);
