CREATE TABLE sites (
    id          INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    domain      TEXT    NOT NULL,
    made        INTEGER NOT NULL,   -- unix seconds
    key         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX sites_by_domain ON sites (workspace, domain);

-- What counts as reached: asked of the past as well, because nothing is counted when it happens.
CREATE TABLE goals (
    site        INTEGER NOT NULL REFERENCES sites ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('page', 'event', 'seconds')),
    target      TEXT    NOT NULL,
    PRIMARY KEY (site, name)
) STRICT, WITHOUT ROWID;

-- Who browsers turned out to belong to. `ended`: taken back by hand, and never bound again by itself.
CREATE TABLE visitors (
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    visitor     INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    proved      INTEGER NOT NULL,   -- microseconds since 1970
    rule        TEXT    NOT NULL,
    event       INTEGER,
    ended       INTEGER,            -- unix seconds
    PRIMARY KEY (workspace, visitor, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX visitors_by_contact ON visitors (workspace, contact);

-- Two addresses of one person, by somebody's word.
CREATE TABLE same_people (
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    contact     INTEGER NOT NULL,
    person      INTEGER NOT NULL,
    PRIMARY KEY (workspace, contact)
) STRICT, WITHOUT ROWID;

-- Who said what about who is who; never changed.
CREATE TABLE identities (
    number      INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL REFERENCES workspaces,
    said        INTEGER NOT NULL,   -- unix seconds
    act         TEXT    NOT NULL CHECK (act IN ('proved', 'merged', 'unmerged')),
    person      TEXT    NOT NULL,
    other       TEXT    NOT NULL,
    because     TEXT    NOT NULL
) STRICT;
