-- Shared facts: equal clients share one raw and one verdict, so an event stays small.
CREATE TABLE raws (
    number  UINTEGER NOT NULL,
    digest  UBIGINT NOT NULL,
    content VARCHAR NOT NULL
);
CREATE TABLE verdicts (
    number  UINTEGER NOT NULL,
    digest  UBIGINT NOT NULL,
    content VARCHAR NOT NULL
);
CREATE TABLE urls (
    number  UINTEGER NOT NULL,
    digest  UBIGINT NOT NULL,
    content VARCHAR NOT NULL
);
-- Events in the order they came.
CREATE TABLE recent (
    id          UBIGINT NOT NULL,
    time        TIMESTAMP NOT NULL,
    kind        VARCHAR NOT NULL,
    workspace   USMALLINT NOT NULL,
    contact     UBIGINT NOT NULL,
    message     UBIGINT,
    link        UBIGINT,
    part        USMALLINT NOT NULL,
    url         UINTEGER,
    verdict     UINTEGER NOT NULL,
    raw         UINTEGER NOT NULL,
    human       UTINYINT NOT NULL,
    machine     BOOLEAN NOT NULL,
    because     VARCHAR,
    repeat_of   UBIGINT,
    rules       VARCHAR NOT NULL
);
-- Closed months, each sorted by person: a timeline touches few blocks.
CREATE TABLE closed AS FROM recent;
CREATE VIEW events AS FROM closed UNION ALL FROM recent;
CREATE TABLE dropped (
    ping    UBIGINT NOT NULL,
    time    TIMESTAMP NOT NULL,
    reason  VARCHAR NOT NULL
);
CREATE TABLE checkpoints (
    stream  USMALLINT NOT NULL,
    segment UINTEGER NOT NULL,
    place   UINTEGER NOT NULL
);
