-- name: add_events
-- A batch, handed over as an Arrow table.
INSERT INTO recent BY NAME SELECT * REPLACE (make_timestamp(time) AS time) FROM batch;

-- name: relabel_recent
-- Other verdicts for events already kept.
UPDATE recent SET verdict = batch.verdict, human = batch.human, machine = batch.machine, rules = coalesce(batch.rules, recent.rules)
FROM batch WHERE recent.id = batch.id;

-- name: relabel_closed
-- The same in closed months.
UPDATE closed SET verdict = batch.verdict, human = batch.human, machine = batch.machine, rules = coalesce(batch.rules, closed.rules)
FROM batch WHERE closed.id = batch.id;

-- name: add_raws
-- New raw facts.
INSERT INTO raws SELECT number, digest, content FROM batch;

-- name: add_verdicts
-- New verdicts.
INSERT INTO verdicts SELECT number, digest, content FROM batch;

-- name: add_urls
-- New destinations.
INSERT INTO urls SELECT number, digest, content FROM batch;

-- name: find_raws
-- Numbers of raw facts already kept.
SELECT digest, number FROM raws WHERE digest IN (SELECT digest FROM batch);

-- name: find_verdicts
-- Numbers of verdicts already kept.
SELECT digest, number FROM verdicts WHERE digest IN (SELECT digest FROM batch);

-- name: find_urls
-- Numbers of destinations already kept.
SELECT digest, number FROM urls WHERE digest IN (SELECT digest FROM batch);

-- name: count_raws
-- The next free number.
SELECT coalesce(max(number) + 1, 0) FROM raws;

-- name: count_verdicts
-- The next free number.
SELECT coalesce(max(number) + 1, 0) FROM verdicts;

-- name: count_urls
-- The next free number.
SELECT coalesce(max(number) + 1, 0) FROM urls;

-- name: content_raws
-- Raw facts by number.
SELECT number, content FROM raws WHERE number IN (SELECT unnest(?::UINTEGER[]));

-- name: content_verdicts
-- Verdicts by number.
SELECT number, content FROM verdicts WHERE number IN (SELECT unnest(?::UINTEGER[]));

-- name: content_urls
-- Destinations by number.
SELECT number, content FROM urls WHERE number IN (SELECT unnest(?::UINTEGER[]));

-- name: add_dropped
-- Pings that became no event.
INSERT INTO dropped SELECT ping, make_timestamp(time), reason FROM batch;

-- name: dropped_counts
-- How many pings were refused, by reason.
SELECT reason, count(*) FROM dropped GROUP BY reason ORDER BY reason;

-- name: forget_checkpoint
-- Makes room for a stream's new position.
DELETE FROM checkpoints WHERE stream = ?;

-- name: add_checkpoint
-- Up to where a stream's journal was understood.
INSERT INTO checkpoints VALUES (?, ?, ?);

-- name: checkpoints
-- Up to where each stream's journal was understood.
SELECT stream, segment, place FROM checkpoints;

-- name: last_time
-- When the newest event happened.
SELECT max(time) FROM recent;

-- name: since
-- Everything that happened since a time, oldest first: what folding repeats must remember.
SELECT * FROM events WHERE time >= $since ORDER BY id;

-- name: since_web
-- What happened on websites since a time, oldest first: visits that go on.
SELECT * FROM events WHERE time >= $since AND site IS NOT NULL ORDER BY time, id;

-- name: told_web
-- What the last events of websites are known again by, newest first.
SELECT visitor, kind, detail FROM events WHERE time >= $since AND site IS NOT NULL AND visitor IS NOT NULL AND detail IS NOT NULL
ORDER BY time DESC, id DESC LIMIT $most;

-- name: opened
-- Which of these people have an open of these messages that no machine made. People first: they are the fewest.
WITH theirs AS (
    SELECT workspace, contact, message FROM events
    WHERE contact IN (SELECT contact FROM batch) AND kind = 'open' AND NOT machine
)
SELECT DISTINCT t.* FROM theirs t
SEMI JOIN batch b ON t.contact = b.contact AND t.message = b.message AND t.workspace = b.workspace;

-- name: read_so_far
-- What is kept of one reader's visit.
SELECT page, sum(coalesce(seconds, 0)), sum(coalesce((detail ->> 'visits')::INTEGER, 0))::INTEGER
FROM events WHERE visit = $visit AND document IS NOT NULL AND kind IN ('view', 'read')
GROUP BY page;

-- name: completions
-- Where it was told before that a reader completed a document; of nobody's reading only the visit tells whose it was.
SELECT detail FROM events
WHERE document = $document AND kind = 'goal' AND name = 'completed'
  AND CASE WHEN $contact = 0 THEN visit = $visit ELSE contact = $contact END;

-- name: page
-- Events with filters, oldest first, a page at a time.
SELECT * FROM events
WHERE time >= $since AND (time > $after_time OR (time = $after_time AND id > $after)) AND ($kind IS NULL OR kind = $kind)
    AND ($workspace IS NULL OR workspace = $workspace)
ORDER BY time, id LIMIT $most;

-- name: page_of_person
-- The same for one person.
SELECT * FROM events
WHERE contact = $contact AND time >= $since AND (time > $after_time OR (time = $after_time AND id > $after))
    AND ($kind IS NULL OR kind = $kind)
    AND ($workspace IS NULL OR workspace = $workspace)
ORDER BY time, id LIMIT $most;

-- name: in_a_crowd
-- Which of these events have enough like them that name nobody either: of their kind, on the same thing, in other visits.
WITH asked AS (
    SELECT id, workspace, kind, message, link, url, document, page, site FROM events WHERE id IN (SELECT unnest($ids::UBIGINT[]))
)
SELECT a.id FROM asked a JOIN events e ON e.workspace = a.workspace AND e.kind = a.kind
    AND e.message IS NOT DISTINCT FROM a.message AND e.link IS NOT DISTINCT FROM a.link AND e.url IS NOT DISTINCT FROM a.url
    AND e.document IS NOT DISTINCT FROM a.document AND e.page IS NOT DISTINCT FROM a.page AND e.site IS NOT DISTINCT FROM a.site
WHERE e.contact = 0 AND e.visitor IS NULL
GROUP BY a.id HAVING count(DISTINCT coalesce(e.visit, e.id)) >= $enough;

-- name: time_of
-- When an event happened.
SELECT time FROM events WHERE id = $id;

-- name: span
-- First and last time of the events since some time.
SELECT min(time), max(time) FROM events WHERE time >= $since;

-- name: between
-- Everything of a span of time, oldest first.
SELECT * FROM events WHERE time >= $start AND time < $end AND ($kind IS NULL OR kind = $kind) ORDER BY time, id;

-- name: between_ids
-- Events whose pings lie between two places of a stream's journal.
SELECT * FROM events WHERE id >= $low AND id < $high ORDER BY id;

-- name: count_between_ids
-- How many there are of one workspace.
SELECT count(*) FROM events WHERE id >= $low AND id < $high AND workspace = $workspace;

-- name: closed_until
-- The newest event in closed months.
SELECT max(time) FROM closed;

-- name: newest
-- The last events, newest first, where all are younger than the closed months.
SELECT * FROM recent WHERE time >= $since AND ($kind IS NULL OR kind = $kind)
    AND ($workspace IS NULL OR workspace = $workspace)
ORDER BY time DESC, id DESC LIMIT $most;

-- name: newest_of_all
-- The last events, newest first, closed months included.
SELECT * FROM events WHERE time >= $since AND ($kind IS NULL OR kind = $kind)
    AND ($workspace IS NULL OR workspace = $workspace)
ORDER BY time DESC, id DESC LIMIT $most;

-- name: timeline
-- One person, oldest first.
SELECT * FROM events WHERE contact = $contact AND workspace = $workspace ORDER BY time, id;

-- name: of_message
-- What was heard of one mail, oldest first.
SELECT * FROM events WHERE message = $message AND workspace = $workspace ORDER BY time, id;

-- name: of_visitors
-- What browsers did under nobody's name, oldest first.
SELECT * FROM events WHERE visitor IN (SELECT unnest($visitors::UBIGINT[])) AND contact = 0 AND workspace = $workspace ORDER BY time, id;

-- name: some
-- Events by their ids, none older than a time.
SELECT * FROM events WHERE time >= $since AND id IN (SELECT unnest($ids::UBIGINT[]));

-- name: repeats_of
-- The events folded into one.
SELECT count(*) FROM events WHERE repeat_of = $id;

-- name: month_to_close
-- The oldest month of which nothing new can be expected.
SELECT date_trunc('month', min(time)) FROM recent WHERE time < $before;

-- name: close_month
-- Moves one month over, sorted.
INSERT INTO closed FROM recent WHERE time >= $start AND time < $end ORDER BY workspace, contact, time, id;

-- name: leave_month
-- The other half of closing.
DELETE FROM recent WHERE time >= $start AND time < $end;

-- name: attach_backup
-- An empty file to copy into.
ATTACH '{path}' AS twin;

-- name: copy_all
-- Everything, as of now.
COPY FROM DATABASE "{name}" TO twin;

-- name: attach_base
-- An older store to take events from.
ATTACH '{path}' AS base (READ_ONLY);

-- name: detach_backup
-- Lets go of the copy.
DETACH twin;

-- name: detach_base
-- Lets go of the older store.
DETACH base;

-- name: take_raws
-- Facts keep their numbers.
INSERT INTO raws FROM base.raws;

-- name: take_verdicts
-- Verdicts keep their numbers.
INSERT INTO verdicts FROM base.verdicts;

-- name: take_urls
-- Destinations keep their numbers.
INSERT INTO urls FROM base.urls;

-- name: take_closed
-- Closed months of an older store, in their order, from before the oldest pings that the journal still has.
INSERT INTO closed BY NAME FROM base.closed e WHERE NOT EXISTS (FROM batch b WHERE b.stream = e.id >> 48 AND b.before <= e.id);

-- name: take_recent
-- Its later events, likewise.
INSERT INTO recent BY NAME FROM base.recent e WHERE NOT EXISTS (FROM batch b WHERE b.stream = e.id >> 48 AND b.before <= e.id);

-- name: take_dropped
-- Its refused pings, likewise.
INSERT INTO dropped FROM base.dropped d WHERE NOT EXISTS (FROM batch b WHERE b.stream = d.ping >> 48 AND b.before <= d.ping);

-- name: take_checkpoints
-- The journal is read again from where it begins now; streams that it has no more stay where they were.
INSERT INTO checkpoints SELECT stream, segment, place FROM batch
UNION ALL FROM base.checkpoints c WHERE c.stream NOT IN (SELECT stream FROM batch);

-- name: flush
-- Brings the write-ahead log into the file.
CHECKPOINT;

-- name: size
-- How many events there are.
SELECT count(*) FROM events;

-- name: begin_migration
-- All of a migration or nothing.
BEGIN TRANSACTION;

-- name: make_migrations
-- The record of migrations.
CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL);

-- name: has_migrations
-- Whether there is a record of migrations at all.
SELECT count(*) FROM duckdb_tables() WHERE table_name = 'migrations';

-- name: migrations_applied
-- Which migrations this file has.
SELECT number FROM migrations ORDER BY number;

-- name: record_migration
-- One more applied.
INSERT INTO migrations VALUES (?, ?);

-- name: settle
-- No extension, no file and no setting beyond what is needed.
SET allowed_directories = ['{folder}'];
SET enable_external_access = false;
SET lock_configuration = true;

-- name: forget_recent
-- Everything about a person, and what names the address or came from one of the person's browsers.
DELETE FROM recent WHERE contact = $contact OR list_contains($visitors::UBIGINT[], visitor)
    OR ($workspace IS NULL OR workspace = $workspace)
    AND (url IN (SELECT number FROM urls WHERE regexp_matches(lower(content), $address))
        OR regexp_matches(lower(name), $address) OR regexp_matches(lower(detail), $address)
        OR regexp_matches(lower(referrer), $address));

-- name: forget_closed
-- The same in closed months.
DELETE FROM closed WHERE contact = $contact OR list_contains($visitors::UBIGINT[], visitor)
    OR ($workspace IS NULL OR workspace = $workspace)
    AND (url IN (SELECT number FROM urls WHERE regexp_matches(lower(content), $address))
        OR regexp_matches(lower(name), $address) OR regexp_matches(lower(detail), $address)
        OR regexp_matches(lower(referrer), $address));

-- name: forget_visits
-- The person's visits.
DELETE FROM visits WHERE contact = $contact OR list_contains($visitors::UBIGINT[], visitor)
    OR ($workspace IS NULL OR workspace = $workspace)
    AND (regexp_matches(lower(entry), $address) OR regexp_matches(lower(exit), $address));

-- name: forget_pages
-- Pages whose address names the person.
DELETE FROM pages WHERE ($sites IS NULL OR list_contains($sites::UBIGINT[], site)) AND regexp_matches(lower(page), $address);

-- name: forget_groups
-- Entry pages, exits, campaigns and referrers that do: the sums stay.
UPDATE visit_days SET name = NULL WHERE ($sites IS NULL OR list_contains($sites::UBIGINT[], site)) AND regexp_matches(lower(name), $address);

-- name: forget_others
-- Likewise.
UPDATE others SET page = NULL WHERE ($sites IS NULL OR list_contains($sites::UBIGINT[], site)) AND regexp_matches(lower(page), $address);

-- name: forget_steps
-- Their names alone: the numbers of journeys lead to nobody.
UPDATE steps SET name = 'erased ' || number WHERE regexp_matches(lower(name), $address)
    AND ($sites IS NULL OR number NOT IN (
        SELECT unnest(steps) FROM journeys WHERE NOT list_contains($sites::UBIGINT[], site)));

-- name: forget_moves
-- Likewise.
DELETE FROM moves WHERE ($sites IS NULL OR list_contains($sites::UBIGINT[], site))
    AND (regexp_matches(lower(page), $address) OR regexp_matches(lower(next), $address));

-- name: forget_happenings
-- Searches and goals that do.
DELETE FROM happenings WHERE ($sites IS NULL OR list_contains($sites::UBIGINT[], site)) AND regexp_matches(lower(name), $address);

-- name: forget_old_visits
-- Visits past their days; sums by day name nobody and stay.
DELETE FROM visits WHERE finish < $before;

-- name: forget_old_journeys
-- Ways past their days: a rare one could be known again.
DELETE FROM journeys WHERE day < $before;

-- name: forget_raws
-- Facts that no event has any more.
DELETE FROM raws WHERE number NOT IN (SELECT raw FROM events);

-- name: forget_verdicts
-- Verdicts that no event has any more.
DELETE FROM verdicts WHERE number NOT IN (SELECT verdict FROM events);

-- name: forget_urls
-- Destinations that no event has any more.
DELETE FROM urls WHERE number NOT IN (SELECT url FROM events WHERE url IS NOT NULL);

-- name: forget_old_recent
-- What is past its days.
DELETE FROM recent WHERE time < $before;

-- name: forget_old_closed
-- The same in closed months.
DELETE FROM closed WHERE time < $before;

-- name: forget_old_dropped
-- Refused pings of that time.
DELETE FROM dropped WHERE time < $before;

-- name: oldest
-- When the oldest event happened.
SELECT min(time) FROM events;

-- name: overwritten_days
-- Earlier opens of a person of whom only the last day may be kept: those that say nothing but the same.
DELETE FROM recent WHERE contact = $contact AND workspace = $workspace AND id <> $id
    AND verdict = (SELECT verdict FROM recent WHERE id = $id);

-- name: overwritten_days_closed
-- The same in closed months.
DELETE FROM closed WHERE contact = $contact AND workspace = $workspace AND id <> $id
    AND verdict = (SELECT verdict FROM recent WHERE id = $id);
