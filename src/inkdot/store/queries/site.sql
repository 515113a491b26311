-- name: imported
-- What became of the records in a stretch of the journal: events, and pings that became none.
SELECT (SELECT count(*) FROM events WHERE id >= $first AND id < $last), (SELECT count(*) FROM dropped WHERE ping >= $first AND ping < $last);

-- name: imported_dropped
-- Why some became none.
SELECT reason, count(*) FROM dropped WHERE ping >= $first AND ping < $last GROUP BY reason ORDER BY reason;

-- name: rolled
-- From when on visits may still be missing. A row of 1900 says that earlier ones may be, too.
SELECT max(until) FROM rolled WHERE until > TIMESTAMP '1900-01-01';

-- name: owe_the_past
-- Events come of days that are added up already.
INSERT INTO rolled (until) VALUES (TIMESTAMP '1900-01-01');

-- name: owes_the_past
-- Whether some came that were not added up.
SELECT count(*) > 0 FROM rolled WHERE until = TIMESTAMP '1900-01-01';

-- name: owe_nothing
-- They are being added up.
DELETE FROM rolled WHERE until = TIMESTAMP '1900-01-01';

-- name: waiting
-- Website events that are not added up yet.
SELECT count(*) FROM recent WHERE time >= $since AND site IS NOT NULL;

-- name: waiting_by_hour
-- How many events of visits there are from a time on.
SELECT date_trunc('hour', time) AS hour, count(*) FROM events
WHERE time >= $since AND site IS NOT NULL AND visit IS NOT NULL GROUP BY hour ORDER BY hour;

-- name: fresh_events
-- Events of visits that are not added up yet, with the page's path and the words of its query that matter.
CREATE OR REPLACE TEMP TABLE fresh_events AS
WITH mine AS (
    SELECT time, kind, workspace, site, visitor, visit, contact, channel, source, seconds, name, referrer, verdict, raw, url
    FROM events
    WHERE time >= $since AND time < $until AND site IS NOT NULL AND visit IS NOT NULL AND NOT machine
        AND visit NOT IN (SELECT visit FROM visits WHERE finish >= $since)
), addresses AS (
    SELECT number, coalesce(nullif(readable(regexp_extract(content, '^"[a-zA-Z]+://[^/?#"]*([^?#"]*)', 1)), ''), '/') AS page,
        nullif(regexp_extract(content, '^"[a-zA-Z]+://([^/:?#"]+)', 1), '') AS host,
        nullif(lower(readable(replace(regexp_extract(content, '[?&]utm_campaign=([^&#"]*)', 1), '+', ' '))), '') AS campaign
    FROM urls WHERE number IN (SELECT url FROM mine)
), networks AS (
    SELECT number AS raw, CASE WHEN contains(content, '"network":[]') THEN nullif(regexp_extract(content, '"asn":([0-9]+)', 1), '')::UINTEGER END AS asn
    FROM raws WHERE number IN (SELECT raw FROM mine)
)
SELECT mine.* EXCLUDE (raw, url), page, host, campaign, asn
FROM mine LEFT JOIN addresses ON number = url LEFT JOIN networks ON networks.raw = mine.raw;

-- name: fresh_visits
-- Visits made of those, finished before a time.
CREATE OR REPLACE TEMP TABLE fresh_visits AS
WITH made AS (
    SELECT visit, any_value(workspace) AS workspace, any_value(site) AS site, any_value(visitor) AS visitor,
        max(contact) AS contact, min(time) AS start, max(time) AS finish,
        arg_min(channel, time) AS channel, arg_min(source, time) AS source,
        arg_min(campaign, time) FILTER (kind = 'view') AS campaign, arg_min(referrer, time) FILTER (kind = 'view') AS came_from,
        arg_min(page, time) FILTER (kind = 'view') AS entry, arg_max(page, time) FILTER (kind = 'view') AS exit,
        count(*) FILTER (kind = 'view') AS views, count(*) FILTER (kind = 'goal' AND name IS DISTINCT FROM 'identify') AS goals, sum(coalesce(seconds, 0)) AS seconds,
        arg_min(verdict, time) AS verdict, arg_min(asn, time) AS asn
    FROM fresh_events GROUP BY visit HAVING max(time) < $finished
)
SELECT visit, workspace, site, visitor, contact, start, finish,
    coalesce(lag(start) OVER (PARTITION BY site, visitor ORDER BY start, visit), (
        SELECT max(v.start) FROM visits v WHERE v.visitor = made.visitor AND v.site = made.site AND v.start < made.start
    )) AS previous,
    channel, source, campaign, nullif(regexp_extract(came_from, '^[a-z]+://([^/:?#]+)', 1), '') AS referrer,
    entry, exit, views, goals, seconds, verdict, asn
FROM made;

-- name: fresh_days
-- By day and by what they have in common.
CREATE OR REPLACE TEMP TABLE fresh_visit_days AS
WITH spread AS (
    SELECT site, start::DATE AS day, previous::DATE AS previous, views, goals, seconds, contact,
        unnest(['all', 'channel', 'source', 'campaign', 'referrer', 'entry', 'exit', 'verdict', 'asn']) AS what,
        unnest([NULL, channel, source, campaign, referrer, entry, exit, verdict::VARCHAR, asn::VARCHAR]) AS name
    FROM fresh_visits
)
SELECT site, day, previous, what, name, count(*) AS visits, sum(views)::BIGINT AS views,
    count(*) FILTER (views <= 1 AND seconds < 10 AND goals = 0) AS bounces, sum(goals)::BIGINT AS goals,
    count(*) FILTER (contact <> 0) AS known, sum(seconds) AS seconds
FROM spread WHERE name IS NOT NULL OR what IN ('all', 'channel', 'entry', 'exit') GROUP BY ALL;

-- name: fresh_pages
-- What was seen in them.
CREATE OR REPLACE TEMP TABLE fresh_pages AS
SELECT e.site, v.start::DATE AS day, e.page, count(*) FILTER (e.kind = 'view') AS views, count(DISTINCT e.visit) FILTER (e.kind = 'view') AS visits,
    sum(coalesce(e.seconds, 0)) AS seconds
FROM fresh_events e JOIN fresh_visits v USING (visit)
WHERE e.kind IN ('view', 'engage') AND e.page IS NOT NULL
GROUP BY e.site, day, e.page;

-- name: fresh_steps
-- Numbers for pages and goals that have none yet.
CREATE OR REPLACE TEMP TABLE fresh_steps AS
WITH seen AS (
    SELECT DISTINCT CASE kind WHEN 'view' THEN 'page' ELSE 'goal' END AS kind, CASE kind WHEN 'view' THEN page ELSE name END AS name
    FROM fresh_events WHERE (kind = 'view' AND page IS NOT NULL) OR (kind = 'goal' AND name IS NOT NULL)
)
SELECT ((SELECT coalesce(max(number), 0) FROM steps) + row_number() OVER ())::UINTEGER AS number, kind, name
FROM seen ANTI JOIN steps USING (kind, name);

-- name: fresh_journeys
-- The ways of those visits.
CREATE OR REPLACE TEMP TABLE fresh_journeys AS
WITH known AS (FROM steps UNION ALL FROM fresh_steps), walked AS (
    SELECT v.site, v.start::DATE AS day, list(known.number ORDER BY e.time)[:200] AS steps
    FROM fresh_events e JOIN fresh_visits v USING (visit)
        JOIN known ON known.kind = CASE e.kind WHEN 'view' THEN 'page' WHEN 'goal' THEN 'goal' END
            AND known.name = CASE e.kind WHEN 'view' THEN e.page ELSE e.name END
    WHERE e.kind IN ('view', 'goal')
    GROUP BY v.site, day, e.visit
)
SELECT site, day, steps, count(*) AS visits FROM walked GROUP BY ALL;

-- name: fresh_moves
-- From page to page in them, the commonest of a day.
CREATE OR REPLACE TEMP TABLE fresh_moves AS
WITH seen AS (
    SELECT e.site, v.start::DATE AS day, e.page, lead(e.page) OVER (PARTITION BY e.visit ORDER BY e.time) AS next
    FROM fresh_events e JOIN fresh_visits v USING (visit) WHERE e.kind = 'view' AND e.page IS NOT NULL
), counted AS (
    SELECT site, day, page, next, count(*) AS times FROM seen WHERE next IS NOT NULL AND next <> page GROUP BY ALL
)
SELECT * FROM counted QUALIFY row_number() OVER (PARTITION BY site, day ORDER BY times DESC, page, next) <= 1000;

-- name: fresh_happenings
-- What was done in them.
CREATE OR REPLACE TEMP TABLE fresh_happenings AS
SELECT e.site, v.start::DATE AS day, CASE e.kind WHEN 'view' THEN 'search' ELSE e.kind END AS what,
    CASE e.kind WHEN 'click' THEN coalesce(e.host, '?') ELSE e.name END AS name,
    count(*) AS times, count(DISTINCT e.visit) AS visits
FROM fresh_events e JOIN fresh_visits v USING (visit)
WHERE (e.kind IN ('goal', 'download', 'view') AND e.name IS NOT NULL) OR e.kind = 'click'
GROUP BY ALL;

-- name: fresh_others
-- What belongs to no visit: machines, and views counted for nobody.
CREATE OR REPLACE TEMP TABLE fresh_others AS
WITH mine AS (
    SELECT site, time::DATE AS day, machine, channel, CASE WHEN NOT machine THEN url END AS url FROM events
    WHERE site IS NOT NULL AND (visit IS NULL OR machine) AND kind = 'view' AND time >= $others_since AND time < $others_until
), addresses AS (
    SELECT number, coalesce(nullif(readable(regexp_extract(content, '^"[a-zA-Z]+://[^/?#"]*([^?#"]*)', 1)), ''), '/') AS page
    FROM urls WHERE number IN (SELECT url FROM mine)
)
SELECT site, day, machine, channel, count(*) AS views, page FROM mine LEFT JOIN addresses ON number = url GROUP BY ALL;

-- name: add_visits
-- Added up for good.
INSERT INTO visits SELECT * FROM fresh_visits ORDER BY site, start;

-- name: add_visit_days
-- Likewise.
INSERT INTO visit_days SELECT * FROM fresh_visit_days ORDER BY site, day;

-- name: add_pages
-- Likewise.
INSERT INTO pages SELECT * FROM fresh_pages ORDER BY site, day;

-- name: add_happenings
-- Likewise.
INSERT INTO happenings SELECT * FROM fresh_happenings ORDER BY site, day;

-- name: add_steps
-- Likewise.
INSERT INTO steps FROM fresh_steps;

-- name: add_journeys
-- Likewise.
INSERT INTO journeys SELECT * FROM fresh_journeys ORDER BY site, day;

-- name: add_moves
-- Likewise.
INSERT INTO moves SELECT * FROM fresh_moves ORDER BY site, day;

-- name: add_others
-- Likewise.
INSERT INTO others SELECT * FROM fresh_others;

-- name: still_open
-- When the oldest visit began that is not finished.
SELECT min(time) FROM fresh_events WHERE visit NOT IN (SELECT visit FROM fresh_visits);

-- name: forget_rolled
-- Makes room for the new mark.
DELETE FROM rolled WHERE until > TIMESTAMP '1900-01-01';

-- name: keep_rolled
-- The new mark.
INSERT INTO rolled (until) VALUES ($until);

-- name: totals
-- Visitors are counted once in the span: a visit whose visitor was there before in it counts none.
SELECT coalesce(sum(visits) FILTER (previous IS NULL OR previous < $since), 0)::BIGINT, coalesce(sum(visits), 0)::BIGINT,
    coalesce(sum(views), 0)::BIGINT, coalesce(sum(bounces), 0)::BIGINT, coalesce(sum(seconds), 0),
    coalesce(sum(known), 0)::BIGINT, coalesce(sum(goals), 0)::BIGINT
FROM {visit_days} WHERE site = $site AND day >= $since AND day < $until AND what = 'all';

-- name: days
-- The same by day.
SELECT day, coalesce(sum(visits) FILTER (previous IS NULL OR previous < day), 0)::BIGINT, sum(visits)::BIGINT, sum(views)::BIGINT, sum(seconds)
FROM {visit_days} WHERE site = $site AND day >= $since AND day < $until AND what = 'all' GROUP BY day ORDER BY day;

-- name: groups
-- The same by what visits have in common, the largest first.
WITH summed AS (
    SELECT what, name, coalesce(sum(visits) FILTER (previous IS NULL OR previous < $since), 0)::BIGINT AS visitors,
        sum(visits)::BIGINT AS visits, sum(views)::BIGINT AS views, sum(goals)::BIGINT AS goals, sum(seconds) AS seconds
    FROM {visit_days} WHERE site = $site AND day >= $since AND day < $until AND what <> 'all' GROUP BY what, name
)
SELECT * FROM summed QUALIFY what IN ('verdict', 'asn') OR row_number() OVER (PARTITION BY what ORDER BY visits DESC, name) <= $most
ORDER BY what, visits DESC, name;

-- name: pages
-- Pages by views.
SELECT page, sum(views)::BIGINT AS seen, sum(visits)::BIGINT, sum(seconds) FROM {pages}
WHERE site = $site AND day >= $since AND day < $until GROUP BY page HAVING seen > 0 ORDER BY seen DESC, page LIMIT $most;

-- name: happenings
-- What was done, by name.
SELECT kind, name, sum(times)::BIGINT AS often, sum(visits)::BIGINT FROM {happenings}
WHERE site = $site AND day >= $since AND day < $until GROUP BY kind, name ORDER BY often DESC, name;

-- name: machine_views
-- Views of machines.
SELECT coalesce(sum(views), 0)::BIGINT FROM {others} WHERE machine AND site = $site AND day >= $since AND day < $until;

-- name: days_for_nobody
-- Views counted for nobody by day; a day with fewer than enough is not told, in no span, so that two spans cannot be subtracted.
SELECT day, sum(views)::BIGINT AS seen FROM {others}
WHERE NOT machine AND site = $site AND day >= $since AND day < $until GROUP BY day HAVING seen >= $enough ORDER BY day;

-- name: for_nobody
-- The same by {what}. What is few on a day is not told of that day; where all that is not told of it would be few, the least of what
-- would be told is not told either, as it could be found by subtracting.
WITH counted AS (
    SELECT day, {what} AS name, sum(views)::BIGINT AS seen FROM {others}
    WHERE NOT machine AND site = $site AND day >= $since AND day < $until GROUP BY ALL
), judged AS (
    SELECT *, seen >= $enough AND name IS NOT NULL AS fits, coalesce(sum(seen) FILTER (NOT (seen >= $enough AND name IS NOT NULL)) OVER (PARTITION BY day), 0) AS hidden,
        row_number() OVER (PARTITION BY day, seen >= $enough AND name IS NOT NULL ORDER BY seen, name) AS place
    FROM counted
)
SELECT name, sum(seen)::BIGINT AS views FROM judged WHERE fits AND NOT (hidden BETWEEN 1 AND $enough - 1 AND place = 1)
GROUP BY name ORDER BY views DESC, name LIMIT $most;

-- name: empty_visits
-- From a day on, to be made anew.
DELETE FROM visits WHERE start >= $since;

-- name: empty_visit_days
-- Likewise.
DELETE FROM visit_days WHERE day >= $since;

-- name: empty_pages
-- Likewise.
DELETE FROM pages WHERE day >= $since;

-- name: empty_happenings
-- Likewise.
DELETE FROM happenings WHERE day >= $since;

-- name: empty_steps
-- Where everything is made anew.
DELETE FROM steps;

-- name: empty_journeys
-- Likewise.
DELETE FROM journeys WHERE day >= $since;

-- name: empty_moves
-- Likewise.
DELETE FROM moves WHERE day >= $since;

-- name: empty_others
-- Likewise.
DELETE FROM others WHERE day >= $since;

-- name: wind_back
-- From that day on visits are missing.
UPDATE rolled SET until = least(until, $since), others = least(others, $since);

-- name: visit_around
-- When the visit of an event began, or what belongs to none happened.
SELECT min(time) FROM events WHERE id = $event OR visit = (SELECT visit FROM events WHERE id = $event);

-- name: visits_of
-- When a person's first visit with a browser began.
SELECT min(time) FROM events WHERE visitor = $visitor AND contact = $contact;

-- name: put_into_visit_recent
-- Which visit an event belongs to now.
UPDATE recent SET visit = $visit, visitor = $visitor WHERE id = $event;

-- name: put_into_visit_closed
-- Likewise.
UPDATE closed SET visit = $visit, visitor = $visitor WHERE id = $event;

-- name: others_until
-- Up to where views without a visit are added up.
SELECT max(others) FROM rolled WHERE until > TIMESTAMP '1900-01-01';

-- name: keep_others_until
-- The new mark.
UPDATE rolled SET others = $until;

-- name: lead_candidates
-- Visitors nobody knows who did the most lately.
CREATE OR REPLACE TEMP TABLE candidates AS
SELECT visitor FROM {visits} WHERE start >= $lately AND workspace = $workspace AND contact = 0
ORDER BY goals DESC, seconds DESC, start DESC LIMIT $most;

-- name: lead_visits
-- People and those visitors by what they did, visitors known to be somebody under that person.
WITH mine AS (
    FROM {visits} WHERE start >= $since AND workspace = $workspace
        AND (contact <> 0 OR visitor IN (SELECT visitor FROM candidates UNION SELECT visitor FROM bound))
), named AS (
    SELECT v.*, CASE WHEN v.contact <> 0 THEN v.contact ELSE coalesce(b.contact, 0) END AS who,
        CASE WHEN v.contact = 0 AND b.contact IS NULL THEN v.visitor END AS nobody
    FROM mine v LEFT JOIN bound b ON b.visitor = v.visitor
    WHERE v.contact <> 0 OR b.contact IS NOT NULL OR v.start >= $lately
), warmest AS (
    SELECT who, nobody, max(finish) AS last, count(*) AS times, sum(seconds) AS active, sum(goals)::BIGINT AS reached
    FROM named GROUP BY who, nobody
    ORDER BY reached DESC, times DESC, active DESC, last DESC LIMIT $most
)
SELECT warmest.*,
    count(*) FILTER (regexp_matches(entry, $interesting) OR regexp_matches(exit, $interesting)) AS interesting,
    min(start), arg_min(channel, start), arg_min(source, start), arg_min(entry, start),
    max(start), arg_max(channel, start), arg_max(source, start), arg_max(entry, start),
    count(*) FILTER (contact = 0 AND warmest.who <> 0) AS inferred, arg_max(asn, start) FILTER (asn IS NOT NULL) AS asn
FROM warmest JOIN named ON named.who = warmest.who AND named.nobody IS NOT DISTINCT FROM warmest.nobody
GROUP BY warmest.*
ORDER BY reached DESC, times DESC, active DESC, last DESC;

-- name: lead_acts
-- What known people did elsewhere, and on sites under their name: acts of persons, each once. First who acted last
-- (looked for since `lately` alone), then what: theirs alone are looked at, not everybody's.
WITH newest AS (
    SELECT contact, max(time) AS last FROM events
    WHERE time >= $lately AND workspace = $workspace AND contact <> 0 AND NOT machine AND human >= 2 AND repeat_of IS NULL
        AND kind IN ('click', 'open', 'reply', 'read', 'download')
    GROUP BY contact ORDER BY last DESC, contact LIMIT $most
)
SELECT contact, any_value(newest.last) AS last, count(*) FILTER (kind = 'click' AND site IS NULL), count(*) FILTER (kind = 'open'),
    count(*) FILTER (kind = 'reply'), coalesce(sum(seconds) FILTER (kind = 'read'), 0), count(*) FILTER (kind = 'download')
FROM events JOIN newest USING (contact)
WHERE time >= $since AND workspace = $workspace AND NOT machine AND human >= 2 AND repeat_of IS NULL
GROUP BY contact ORDER BY last DESC;

-- name: all_happenings
-- What was done on all sites, by name.
SELECT site, kind, name, sum(times)::BIGINT AS often, sum(visits)::BIGINT FROM {happenings}
WHERE day >= $since AND day < $until AND kind = $kind GROUP BY site, kind, name ORDER BY often DESC, name LIMIT $most;

-- name: mark_steps
-- Of each page and goal, by its number: a bit for every step of a funnel that it is. Patterns are those of LIKE.
SET VARIABLE marks = (
    WITH wanted AS (SELECT unnest(range(len($patterns))) AS place, unnest($kinds) AS kind, unnest($patterns) AS pattern),
    marked AS (
        SELECT number, bit_or(CASE WHEN name LIKE pattern ESCAPE '\' THEN 1 << place ELSE 0 END)::UINTEGER AS mark
        FROM {steps} LEFT JOIN wanted USING (kind) GROUP BY number
    )
    SELECT list(coalesce(mark, 0) ORDER BY number) FROM marked
);

-- name: walk
-- How far along the funnel visits came, by day: a page or goal that is the next step takes one further.
SELECT day, reached, sum(visits)::BIGINT FROM (
    SELECT day, visits, list_reduce(steps, lambda reached, step: reached + ((getvariable('marks')[step] >> reached) & 1), 0::UINTEGER) AS reached
    FROM {journeys} WHERE site = $site AND day >= $since AND day < $until
)
WHERE reached > 0 GROUP BY day, reached;

-- name: first_day
-- Before it there is nothing.
SELECT min(day) FROM {journeys} WHERE site = $site;

-- name: moves
-- From page to page, most often first.
SELECT page, next, sum(times)::BIGINT AS often FROM {moves}
WHERE site = $site AND day >= $since AND day < $until GROUP BY page, next ORDER BY often DESC, page, next LIMIT $most;

-- name: reached_one_page
-- Visits that saw one page.
SELECT coalesce(sum(visits), 0)::BIGINT FROM {pages} WHERE site = $site AND day >= $since AND day < $until AND page = $path;

-- name: reached_seconds
-- Visits with so many active seconds.
SELECT count(*) FROM {visits} WHERE site = $site AND start >= $since AND start < $until AND seconds >= $seconds;

-- name: take_back_recent
-- What a browser did is not this person's.
UPDATE recent SET contact = 0 WHERE visitor = $visitor AND contact = $contact;

-- name: take_back_closed
-- Likewise.
UPDATE closed SET contact = 0 WHERE visitor = $visitor AND contact = $contact;

-- name: take_back_visits
-- Likewise.
UPDATE visits SET contact = 0 WHERE visitor = $visitor AND contact = $contact;

-- name: give_recent
-- What a browser did under nobody's name is this person's.
UPDATE recent SET contact = $contact WHERE visitor = $visitor AND contact = 0;

-- name: give_closed
-- Likewise.
UPDATE closed SET contact = $contact WHERE visitor = $visitor AND contact = 0;

-- name: give_visits
-- Likewise.
UPDATE visits SET contact = $contact WHERE visitor = $visitor AND contact = 0;

-- name: seen_elsewhere
-- Whether a browser is one of another workspace's.
SELECT 1 FROM events WHERE visitor = $visitor AND workspace <> $workspace LIMIT 1;

-- name: lately
-- Who was on a site since a moment: browsers that are told apart, views by nobody in particular, and all views.
SELECT count(DISTINCT visitor) FILTER (visit IS NOT NULL), count(*) FILTER (visit IS NULL), count(*)
FROM recent WHERE time >= $since AND site = $site AND kind = 'view' AND NOT machine;
