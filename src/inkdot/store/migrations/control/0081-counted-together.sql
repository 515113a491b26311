-- Rules that wait for the same thing count together: what was seen is kept once, by condition. Counting begins anew.
DROP TABLE sightings;
CREATE TABLE sightings (
    who         INTEGER NOT NULL,   -- the contact, minus the visitor, 0 for nobody
    condition   INTEGER NOT NULL,   -- what is counted, as act/match.py names it
    event       INTEGER NOT NULL,
    time        INTEGER NOT NULL,   -- of the event, microseconds since 1970
    seconds     REAL    NOT NULL,
    PRIMARY KEY (who, condition, event)
) STRICT, WITHOUT ROWID;

-- From when on a rule counts: since it says what it says.
ALTER TABLE triggers ADD COLUMN since INTEGER NOT NULL DEFAULT 0;   -- microseconds since 1970
