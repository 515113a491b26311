-- Who may hand mails in at the mail door.
CREATE TABLE mail_accounts (
    name        TEXT    PRIMARY KEY,
    salt        BLOB    NOT NULL,
    digest      BLOB    NOT NULL,   -- keyed BLAKE2b of the password, which is random and long
    senders     TEXT    NOT NULL,   -- a JSON list of addresses and @domains, empty: bound to the domain of its first mail
    made        INTEGER NOT NULL    -- unix seconds
) STRICT;

-- What became of each copy that went through the mail door.
CREATE TABLE deliveries (
    message     INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    contact     INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'refused', 'expired', 'dropped')),
    answer      TEXT,               -- what the upstream said last
    left_alone  TEXT,               -- why this copy carries no marks
    changed     INTEGER NOT NULL,   -- unix seconds
    PRIMARY KEY (message, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_internet_id ON messages (internet_id);
