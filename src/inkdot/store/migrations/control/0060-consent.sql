-- What people chose about being measured. Rows are added, never changed, and each is sealed to the one before it.
CREATE TABLE consents (
    number      INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    address     TEXT,               -- gone once the person is erased, while `who` keeps the chain whole
    nonce       BLOB,
    who         BLOB    NOT NULL,   -- BLAKE2b of the address, keyed with the nonce
    act         TEXT    NOT NULL CHECK (act IN ('set', 'withdraw', 'unsubscribe', 'erase')),
    mode        INTEGER,
    scope       TEXT    NOT NULL,   -- '' for everything, else list:NAME or site:DOMAIN
    wording     TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    method      TEXT    NOT NULL,
    form        TEXT    NOT NULL,
    time        INTEGER NOT NULL,   -- unix seconds
    seal        BLOB    NOT NULL
) STRICT;
CREATE INDEX consents_by_contact ON consents (workspace, contact);

-- The widest mode that a workspace ('' ), a list or a site allows.
CREATE TABLE mode_rules (
    workspace   INTEGER NOT NULL,
    scope       TEXT    NOT NULL,
    mode        INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    PRIMARY KEY (workspace, scope)
) STRICT, WITHOUT ROWID;

-- Ids of which nothing may be kept any more: what the street reads in the deny file.
CREATE TABLE denied (
    id          INTEGER PRIMARY KEY,
    why         TEXT    NOT NULL CHECK (why IN ('withdrawn', 'erased')),
    time        INTEGER NOT NULL
) STRICT;

-- Erasures begun: the address goes when one is done.
CREATE TABLE erasures (
    contact     INTEGER PRIMARY KEY,
    workspace   INTEGER NOT NULL,
    address     TEXT,
    begun       INTEGER NOT NULL,
    done        INTEGER,
    certificate TEXT
) STRICT;

-- Who read, exported or changed personal data. Added to only, each row is sealed to the one before it.
CREATE TABLE audit (
    number      INTEGER PRIMARY KEY,
    time        INTEGER NOT NULL,
    who         TEXT    NOT NULL,
    what        TEXT    NOT NULL,
    about       INTEGER,            -- a contact
    detail      TEXT    NOT NULL,
    seal        BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_contact ON audit (about);

-- Backups and exports that were written, so that an erasure finds them.
CREATE TABLE written_files (
    path        TEXT    PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('backup', 'export')),
    time        INTEGER NOT NULL
) STRICT;

-- Recipients of whom no name is kept.
ALTER TABLE messages ADD COLUMN unnamed INTEGER NOT NULL DEFAULT 0;
