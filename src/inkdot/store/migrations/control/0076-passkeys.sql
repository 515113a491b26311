-- Keys that sign somebody in without a password (WebAuthn): the public half of each.
CREATE TABLE passkeys (
    credential  BLOB    PRIMARY KEY,    -- as the authenticator named it
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    key         BLOB    NOT NULL,       -- SubjectPublicKeyInfo, DER
    counter     INTEGER NOT NULL,       -- of signatures, 0 for authenticators that do not count
    made        INTEGER NOT NULL,
    used        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_user ON passkeys (user);
