-- Mails and sites of which nothing may be kept any more, as after the removal of sample data; the streets read it in the deny file.
CREATE TABLE retired (
    id          INTEGER PRIMARY KEY,
    time        INTEGER NOT NULL    -- unix seconds
) STRICT;
