CREATE TABLE triggers (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    rule        TEXT    NOT NULL,   -- JSON
    active      INTEGER NOT NULL,
    added       INTEGER NOT NULL,   -- unix seconds
    changed     INTEGER NOT NULL,
    capped      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX triggers_by_name ON triggers (workspace, name);

-- Every version of every rule, so that a firing can be explained.
CREATE TABLE trigger_versions (
    trigger     INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    rule        TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    PRIMARY KEY (trigger, version)
) STRICT, WITHOUT ROWID;

-- A trigger met by an event: once.
CREATE TABLE firings (
    trigger     INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    workspace   INTEGER NOT NULL,
    who         INTEGER NOT NULL,   -- the contact, minus the visitor, 0 for nobody
    time        INTEGER NOT NULL,   -- of the event, microseconds since 1970
    PRIMARY KEY (trigger, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX firings_by_person ON firings (trigger, who, time);

-- What counting rules have seen and not yet used up.
CREATE TABLE sightings (
    trigger     INTEGER NOT NULL,
    who         INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    seconds     REAL    NOT NULL,
    PRIMARY KEY (trigger, who, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_by_time ON sightings (time);

-- Up to where each stream's events were acted on. Moves in one transaction with the firings.
CREATE TABLE acted (
    stream      INTEGER PRIMARY KEY,
    segment     INTEGER NOT NULL,
    place       INTEGER NOT NULL
) STRICT;

CREATE TABLE webhooks (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    url         TEXT    NOT NULL,
    secret      TEXT    NOT NULL,
    retiring    TEXT,               -- the secret before, while both sign
    types       TEXT    NOT NULL,   -- JSON list, empty for all
    machines    INTEGER NOT NULL,
    listening   INTEGER NOT NULL,   -- made by `webhook listen` on this machine
    active      INTEGER NOT NULL,
    added       INTEGER NOT NULL    -- unix seconds
) STRICT;

-- The outbox: one row for each thing to be done, by whichever trigger or endpoint.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
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
CREATE UNIQUE INDEX outbox_once ON outbox (source, event, part);
CREATE INDEX outbox_due ON outbox (due) WHERE state = 'waiting';
CREATE INDEX outbox_by_event ON outbox (event) WHERE state = 'waiting';

CREATE TABLE outbox_attempts (
    delivery    INTEGER NOT NULL REFERENCES outbox ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    time        INTEGER NOT NULL,   -- unix seconds
    milliseconds INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    said        TEXT    NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

-- Where deliveries to one place stand: failures in a row, and whether it rests.
CREATE TABLE outbox_targets (
    target      TEXT    PRIMARY KEY,
    failures    INTEGER NOT NULL,
    not_before  INTEGER NOT NULL,
    paused      TEXT                -- why
) STRICT, WITHOUT ROWID;

CREATE TABLE audiences (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    name        TEXT    NOT NULL,
    rule        TEXT,               -- JSON, none for lists kept by hand and by triggers
    added       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX audiences_by_name ON audiences (workspace, name);

CREATE TABLE audience_members (
    audience    INTEGER NOT NULL REFERENCES audiences ON DELETE CASCADE,
    contact     INTEGER NOT NULL,
    joined      INTEGER NOT NULL,   -- unix seconds
    because     TEXT    NOT NULL,
    PRIMARY KEY (audience, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_members_by_contact ON audience_members (contact);

-- Who left, so that the platforms can be told.
CREATE TABLE audience_leavers (
    audience    INTEGER NOT NULL REFERENCES audiences ON DELETE CASCADE,
    contact     INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    because     TEXT    NOT NULL,
    PRIMARY KEY (audience, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_tags (
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    tag         TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    PRIMARY KEY (workspace, contact, tag)
) STRICT, WITHOUT ROWID;

-- Where people said that messages may be pushed to their browser.
CREATE TABLE push_subscriptions (
    endpoint    TEXT    PRIMARY KEY,
    workspace   INTEGER NOT NULL,
    keys        TEXT    NOT NULL,   -- JSON: p256dh, auth
    name        TEXT    NOT NULL,
    added       INTEGER NOT NULL
) STRICT;

-- Whom a platform was given, as it was given: what it must be told to remove is among these.
CREATE TABLE audience_exports (
    audience    INTEGER NOT NULL REFERENCES audiences ON DELETE CASCADE,
    target      TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    PRIMARY KEY (audience, target, digest)
) STRICT, WITHOUT ROWID;
