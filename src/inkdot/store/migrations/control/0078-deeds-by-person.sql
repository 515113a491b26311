-- Firings and what was counted are asked for by person: all rules at once.
DROP INDEX firings_by_person;
CREATE INDEX firings_by_person ON firings (who, time, trigger);
CREATE INDEX firings_by_time ON firings (trigger, time);

CREATE TABLE sightings_by_person (
    who         INTEGER NOT NULL,   -- the contact, minus the visitor, 0 for nobody
    trigger     INTEGER NOT NULL,
    event       INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    seconds     REAL    NOT NULL,
    PRIMARY KEY (who, trigger, event)
) STRICT, WITHOUT ROWID;
INSERT INTO sightings_by_person SELECT who, trigger, event, time, seconds FROM sightings;
DROP TABLE sightings;
ALTER TABLE sightings_by_person RENAME TO sightings;
