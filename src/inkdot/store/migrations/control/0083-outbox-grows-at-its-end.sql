-- Ids of deliveries are digests: kept by them, each row of a kilobyte and more was put somewhere in the middle, at three times the cost.
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (
    id          INTEGER NOT NULL UNIQUE,   -- a digest of source, event and part
    source      INTEGER NOT NULL,   -- trigger or endpoint
    event       INTEGER NOT NULL,
    part        INTEGER NOT NULL,   -- place of the action in the rule, from 1 on, or 0 for endpoints
    workspace   INTEGER NOT NULL,
    who         INTEGER NOT NULL,
    target      TEXT    NOT NULL,   -- what is paused together
    action      TEXT    NOT NULL,   -- JSON
    body        TEXT    NOT NULL,   -- JSON
    machines    INTEGER NOT NULL,   -- wanted even if a machine acted
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'withdrawn')),
    made        INTEGER NOT NULL,   -- unix seconds
    due         INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    settled     INTEGER,
    said        TEXT
) STRICT;
INSERT INTO outbox
SELECT id, source, event, part, workspace, who, target, action, body, machines, state, made, due, tries, settled, said
FROM outbox_before ORDER BY made;

CREATE TABLE outbox_tries (
    delivery    INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    time        INTEGER NOT NULL,   -- unix seconds
    milliseconds INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    said        TEXT    NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
INSERT INTO outbox_tries SELECT delivery, number, time, milliseconds, done, said FROM outbox_attempts;
DROP TABLE outbox_attempts;
DROP TABLE outbox_before;
ALTER TABLE outbox_tries RENAME TO outbox_attempts;
CREATE INDEX outbox_by_place ON outbox (target, tries, due) WHERE state = 'waiting';
CREATE INDEX outbox_by_event ON outbox (event) WHERE state = 'waiting';
