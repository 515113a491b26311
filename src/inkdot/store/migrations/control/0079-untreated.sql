-- Documents attached to a mail that got neither dot nor link, and why.
CREATE TABLE untreated (
    message     INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,   -- of domain/untreated.py
    PRIMARY KEY (message, name)
) STRICT, WITHOUT ROWID;
