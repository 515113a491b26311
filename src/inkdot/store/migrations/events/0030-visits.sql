-- What reports read: finished visits, and what happened in them, added up once. All of it can be made anew from events.
CREATE TABLE visits (
    visit     UBIGINT NOT NULL,
    workspace USMALLINT NOT NULL,
    site      UBIGINT NOT NULL,
    visitor   UBIGINT NOT NULL,
    contact   UBIGINT NOT NULL,
    start     TIMESTAMP NOT NULL,
    finish    TIMESTAMP NOT NULL,
    previous  TIMESTAMP,           -- start of the same visitor's visit before: who is counted already in a span of time
    channel   VARCHAR,
    source    VARCHAR,
    campaign  VARCHAR,
    referrer  VARCHAR,             -- its host
    entry     VARCHAR,             -- paths
    exit      VARCHAR,
    views     UINTEGER NOT NULL,
    goals     UINTEGER NOT NULL,
    seconds   DOUBLE NOT NULL,
    verdict   UINTEGER NOT NULL
);
-- The same by day and by what visits have in common, and by the day of the same visitor's visit before: what any span of days
-- needs to count each visitor once.
CREATE TABLE visit_days (
    site      UBIGINT NOT NULL,
    day       DATE NOT NULL,
    previous  DATE,
    what      VARCHAR NOT NULL,    -- all, channel, source, campaign, referrer, entry, exit, verdict
    name      VARCHAR,
    visits    BIGINT NOT NULL,
    views     BIGINT NOT NULL,
    bounces   BIGINT NOT NULL,
    goals     BIGINT NOT NULL,
    known     BIGINT NOT NULL,
    seconds   DOUBLE NOT NULL
);
CREATE TABLE pages (
    site      UBIGINT NOT NULL,
    day       DATE NOT NULL,
    page      VARCHAR NOT NULL,
    views     BIGINT NOT NULL,
    visits    BIGINT NOT NULL,
    seconds   DOUBLE NOT NULL
);
CREATE TABLE happenings (
    site      UBIGINT NOT NULL,
    day       DATE NOT NULL,
    kind      VARCHAR NOT NULL,    -- goal, search, download, click
    name      VARCHAR NOT NULL,
    times     BIGINT NOT NULL,
    visits    BIGINT NOT NULL
);
-- Views of machines, and views counted for nobody.
CREATE TABLE others (
    site      UBIGINT NOT NULL,
    day       DATE NOT NULL,
    machine   BOOLEAN NOT NULL,
    channel   VARCHAR,
    views     BIGINT NOT NULL
);
-- No visit that began before `until` is still to be added.
CREATE TABLE rolled (until TIMESTAMP NOT NULL, others TIMESTAMP);
