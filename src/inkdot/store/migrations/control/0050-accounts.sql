-- People who sign in, the workspaces they belong to, and what opens the door for them.
CREATE TABLE users (
    id          INTEGER PRIMARY KEY,
    address     TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    password    TEXT    NOT NULL,   -- argon2id, with its parameters
    totp        TEXT,               -- secret of the second factor, base 32
    totp_wanted TEXT,               -- one that was shown and not yet proven
    totp_step   INTEGER NOT NULL DEFAULT 0,   -- the last code used: each works once
    made        INTEGER NOT NULL    -- unix seconds
) STRICT;
CREATE TABLE members (
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    role        TEXT    NOT NULL CHECK (role IN ('owner', 'member', 'viewer')),
    since       INTEGER NOT NULL,
    PRIMARY KEY (workspace, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    digest      BLOB    PRIMARY KEY,    -- BLAKE2b of what the browser holds
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    made        INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    agent       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE TABLE setup_links (
    digest      BLOB    PRIMARY KEY,
    until       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE api_keys (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    shown       TEXT    NOT NULL,   -- its first letters, to know it again
    digest      BLOB    NOT NULL UNIQUE,
    scopes      TEXT    NOT NULL,   -- JSON list
    made        INTEGER NOT NULL,
    used        INTEGER,
    until       INTEGER
) STRICT;
-- What was answered to a request with a key of its own, so that asking twice does once.
CREATE TABLE answered (
    asker       INTEGER NOT NULL,   -- the API key, or minus the user
    workspace   INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    request     BLOB    NOT NULL,   -- digest of what was asked
    status      INTEGER,            -- none while it is being done
    kind        TEXT,
    body        BLOB,               -- compressed
    time        INTEGER NOT NULL,
    PRIMARY KEY (asker, workspace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_by_time ON answered (time);
CREATE UNIQUE INDEX workspaces_by_name ON workspaces (name);
