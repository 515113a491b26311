-- One mail to many, sent in one run or in several.
CREATE TABLE campaigns (
    workspace   INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    message     INTEGER NOT NULL,
    digest      BLOB    NOT NULL,   -- of the mail, so that two mails are not mixed under one name
    begun       INTEGER NOT NULL,   -- unix seconds
    PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

-- What became of each copy. Of whom no name may be kept, the contact is a negative number that only this campaign has.
CREATE TABLE campaign_copies (
    message     INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('sending', 'sent', 'refused', 'waiting', 'unsure', 'skipped')),
    answer      TEXT,               -- what the mail server said, or why the person was skipped
    left_alone  TEXT,               -- why this copy carries no marks
    changed     INTEGER NOT NULL,   -- unix seconds
    PRIMARY KEY (message, contact)
) STRICT, WITHOUT ROWID;
