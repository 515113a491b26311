-- When a person's copy of a mail was handed over to the next server: what comes at once after it is no person.
CREATE TABLE handovers (
    message     INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    time        REAL    NOT NULL,   -- unix seconds
    PRIMARY KEY (message, contact)
) STRICT, WITHOUT ROWID;
