-- Codes for whoever lost the second factor; each works once.
CREATE TABLE recovery_codes (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    digest  BLOB    NOT NULL,
    PRIMARY KEY (user, digest)
) STRICT, WITHOUT ROWID;
