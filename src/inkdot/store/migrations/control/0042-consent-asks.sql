-- Whom we asked for consent by mail, and when: nobody is asked again soon.
CREATE TABLE consent_asks (
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    scope       TEXT    NOT NULL,
    time        INTEGER NOT NULL,   -- unix seconds
    PRIMARY KEY (workspace, contact, scope)
) STRICT, WITHOUT ROWID;
