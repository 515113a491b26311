-- How warm people are whose browser is known, while a rule on pages asks for it: the pages' process cannot ask the events.
CREATE TABLE warm (
    workspace   INTEGER NOT NULL,
    contact     INTEGER NOT NULL,
    points      INTEGER NOT NULL,   -- if they came now
    PRIMARY KEY (workspace, contact)
) STRICT, WITHOUT ROWID;
