-- Which list a mail went to, so that a rule about the list reaches it later.
CREATE TABLE message_lists (
    message     INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
    list        TEXT    NOT NULL
) STRICT;

-- What may be kept of people who chose nothing, and since when that is so: what was marked before follows it, too.
CREATE TABLE silence (
    one         INTEGER PRIMARY KEY,    -- always 1
    mode        INTEGER NOT NULL,
    since       INTEGER NOT NULL    -- unix seconds
) STRICT;
