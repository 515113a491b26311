-- What visits did, in order: pages seen and goals reached, by number.
CREATE TABLE steps (
    number  UINTEGER NOT NULL,
    kind    VARCHAR NOT NULL,      -- page, goal
    name    VARCHAR NOT NULL
);
-- Equal ways of one day once, with how many visits took them. A day is that of the visits' start.
CREATE TABLE journeys (
    site    UBIGINT NOT NULL,
    day     DATE NOT NULL,
    steps   UINTEGER[] NOT NULL,
    visits  BIGINT NOT NULL
);
-- From page to page, the commonest of each day.
CREATE TABLE moves (
    site    UBIGINT NOT NULL,
    day     DATE NOT NULL,
    page    VARCHAR NOT NULL,
    next    VARCHAR NOT NULL,
    times   BIGINT NOT NULL
);
-- What was added up before has none of this: it is made anew from events.
DELETE FROM visits;
DELETE FROM visit_days;
DELETE FROM pages;
DELETE FROM happenings;
DELETE FROM others;
DELETE FROM rolled;
