-- What the owner knows of people beside their addresses, for lists that platforms are to match.
CREATE TABLE contact_details (
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    name        TEXT    NOT NULL,   -- phone, first_name, last_name, country, postcode
    value       TEXT    NOT NULL,
    PRIMARY KEY (workspace, contact, name)
) STRICT, WITHOUT ROWID;
