-- What a user wants to be told of, and how.
CREATE TABLE notices (
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    wish        TEXT    NOT NULL,   -- JSON
    digested    INTEGER NOT NULL,   -- unix seconds: what the last digest reached up to
    PRIMARY KEY (user, workspace)
) STRICT, WITHOUT ROWID;
CREATE TABLE muted (
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    PRIMARY KEY (user, workspace, contact)
) STRICT, WITHOUT ROWID;
