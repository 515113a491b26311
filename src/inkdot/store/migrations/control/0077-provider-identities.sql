-- Who signs in by an OpenID Connect provider: the provider's own name for somebody outlasts a change of the mail address.
CREATE TABLE provider_identities (
    issuer      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, user)
) STRICT, WITHOUT ROWID;
