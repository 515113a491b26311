-- name: acted
-- Up to where each stream's events were acted on; stream -1 says that acting has begun.
SELECT stream, segment, place FROM acted;

-- name: keep_acted
-- A stream's new position.
INSERT INTO acted (stream, segment, place) VALUES (?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET segment = excluded.segment, place = excluded.place;

-- name: add_firing
-- A trigger met by an event; a second time changes nothing.
INSERT INTO firings (trigger, event, version, workspace, who, time) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: fired_on
-- The events on which a trigger fired since a time.
SELECT event FROM firings WHERE trigger = ? AND time >= ?;

-- name: firings_of
-- When triggers fired for these people since a time.
SELECT who, trigger, event, time FROM firings WHERE who IN (SELECT value FROM json_each(?)) AND time >= ? ORDER BY time;

-- name: firings_of_all
-- When a trigger fired for anybody since a time.
SELECT time FROM firings WHERE trigger = ? AND time >= ? ORDER BY time;

-- name: count_capped
-- Firings that a cap held back.
UPDATE triggers SET capped = capped + ? WHERE id = ?;

-- name: add_sighting
-- What a condition that rules count has seen.
INSERT INTO sightings (who, condition, event, time, seconds) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: sightings
-- What was counted of these people since a time.
SELECT who, condition, event, time, seconds FROM sightings
WHERE who IN (SELECT value FROM json_each(?)) AND time >= ? ORDER BY time, event;

-- name: forget_sightings
-- What no window reaches any more, and what no rule counts.
DELETE FROM sightings WHERE time < ? OR condition NOT IN (SELECT value FROM json_each(?));

-- name: add_delivery
-- One thing to be done; a second time changes nothing.
INSERT INTO outbox (id, source, event, part, workspace, who, target, action, body, machines, state, made, due)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?) ON CONFLICT DO NOTHING;

-- name: withdraw
-- What was not yet done for an event that turned out to be a machine's.
UPDATE outbox SET state = 'withdrawn', settled = ?, said = 'The event turned out to be a machine''s.'
WHERE event = ? AND state = 'waiting' AND tries = 0 AND machines = 0;

-- name: places
-- Where something waits and nothing forbids to try; a place's queue is stepped over, however long it is.
WITH RECURSIVE places (target) AS (
    SELECT min(target) FROM outbox WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT min(o.target) FROM outbox o WHERE o.state = 'waiting' AND o.target > places.target)
    FROM places WHERE places.target IS NOT NULL
)
SELECT target FROM places LEFT JOIN outbox_targets t USING (target)
WHERE target IS NOT NULL AND coalesce(t.not_before, 0) <= ? AND t.paused IS NULL;

-- name: due_at
-- What is to be done at one place now: least tried first, so that one that always fails holds nobody up.
SELECT id, source, event, part, workspace, who, target, action, body, state, made, due, tries, settled, said
FROM outbox WHERE state = 'waiting' AND target = ? AND due <= ? ORDER BY tries, due LIMIT ?;

-- name: paused_places
-- Places that are paused, and how much waits there for a workspace; those it never sent anything to are none of its business.
SELECT t.target, t.failures, t.not_before, t.paused, sum(o.state = 'waiting')
FROM outbox_targets t JOIN outbox o ON o.target = t.target
WHERE t.paused IS NOT NULL AND o.workspace = ? GROUP BY t.target ORDER BY t.target;

-- name: delivery
-- One of them.
SELECT id, source, event, part, workspace, who, target, action, body, state, made, due, tries, settled, said
FROM outbox WHERE id = ?;

-- name: deliveries
-- The delivery log, newest first.
SELECT id, source, event, part, workspace, who, target, action, body, state, made, due, tries, settled, said
FROM outbox WHERE workspace = ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR source = ?3) AND made >= ?4
ORDER BY made DESC, id DESC LIMIT ?5;

-- name: attempts
-- What was tried for a delivery.
SELECT number, time, milliseconds, done, said FROM outbox_attempts WHERE delivery = ? ORDER BY number;

-- name: add_attempt
-- One more try.
INSERT INTO outbox_attempts (delivery, number, time, milliseconds, done, said)
VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM outbox_attempts WHERE delivery = ?1), ?2, ?3, ?4, ?5);

-- name: settle_delivery
-- What became of it.
UPDATE outbox SET state = ?, due = ?, tries = tries + 1, settled = ?, said = ? WHERE id = ?;

-- name: replay
-- Again, under the same id.
UPDATE outbox SET state = 'waiting', tries = 0, due = ?, settled = NULL WHERE id = ?;

-- name: target
-- Where deliveries to one place stand.
SELECT failures, not_before, paused FROM outbox_targets WHERE target = ?;

-- name: targets
-- All places that failed last time.
SELECT target, failures, not_before, paused FROM outbox_targets ORDER BY target;

-- name: keep_target
-- A failure.
INSERT INTO outbox_targets (target, failures, not_before, paused) VALUES (?, ?, ?, ?)
ON CONFLICT (target) DO UPDATE SET failures = excluded.failures, not_before = excluded.not_before, paused = excluded.paused;

-- name: forget_target
-- All is well there.
DELETE FROM outbox_targets WHERE target = ?;

-- name: delivery_counts
-- How many there are in each state.
SELECT state, count(*) FROM outbox GROUP BY state;

-- name: forget_deliveries
-- Old ones that nobody waits for.
DELETE FROM outbox WHERE state <> 'waiting' AND settled < ?;

-- name: forget_deliveries_to
-- What an endpoint that goes was still to get.
UPDATE outbox SET state = 'withdrawn', settled = ?, said = 'The endpoint was removed.' WHERE source = ? AND state = 'waiting';

-- name: forget_person_deliveries
-- Everything sent or to be sent about a person.
DELETE FROM outbox WHERE workspace = ? AND who = ?;

-- name: forget_person_firings
-- Likewise.
DELETE FROM firings WHERE workspace = ? AND who = ?;

-- name: forget_person_sightings
-- Likewise.
DELETE FROM sightings WHERE who = ?;

-- name: keep_endpoint
-- A webhook's address.
INSERT INTO webhooks (id, workspace, url, secret, types, machines, listening, active, added) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?);

-- name: endpoints
-- All of them.
SELECT id, workspace, url, secret, retiring, types, machines, listening, active, added FROM webhooks ORDER BY added, id;

-- name: change_endpoint
-- Another address for the same secret, on or off.
UPDATE webhooks SET url = ?, active = ? WHERE id = ?;

-- name: rotate_endpoint
-- A new secret; the one before signs too until the next rotation.
UPDATE webhooks SET retiring = secret, secret = ? WHERE id = ?;

-- name: forget_endpoint
-- Gone.
DELETE FROM webhooks WHERE id = ?;

-- name: unopened
-- Copies marked in a span of time, whose recipients may not have opened them.
SELECT m.id, r.contact, m.marked FROM messages m JOIN recipients r ON r.message = m.id
WHERE m.workspace = ? AND m.marked >= ? AND m.marked < ?;

-- name: hurry
-- A place that failed answers again: what waited because of that goes now.
UPDATE outbox SET due = min(due, ?) WHERE target = ? AND state = 'waiting' AND tries > 0;

-- name: set_back_deliveries
-- The clock was set back: what waits is due by as much earlier.
UPDATE outbox SET due = due - ? WHERE state = 'waiting';

-- name: set_back_targets
-- Likewise the places that rest.
UPDATE outbox_targets SET not_before = not_before - ?;
