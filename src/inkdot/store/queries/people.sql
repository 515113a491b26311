-- name: active_people
-- Who did something that a person does, latest first: their last such event and how many there were. Who they are is looked for
-- since `lately` alone.
WITH latest AS (
    SELECT contact, arg_max(id, time) AS event, max(time) AS last
    FROM events
    WHERE time >= $lately AND workspace = $workspace AND contact <> 0 AND NOT machine AND human >= 2 AND repeat_of IS NULL
    GROUP BY contact ORDER BY last DESC LIMIT $most
)
SELECT contact, any_value(latest.event), any_value(latest.last) AS last, count(*)
FROM events JOIN latest USING (contact)
WHERE time >= $since AND workspace = $workspace AND NOT machine AND human >= 2 AND repeat_of IS NULL
GROUP BY contact ORDER BY last DESC;

-- name: alive_people
-- The same without the events themselves, for many people.
SELECT contact, max(time) AS last, count(*)
FROM events
WHERE time >= $since AND workspace = $workspace AND contact <> 0 AND NOT machine AND human >= 2 AND repeat_of IS NULL
GROUP BY contact ORDER BY last DESC LIMIT $most;

-- name: heard_of
-- Of these mails, the copies of which anything was heard that no machine did.
SELECT DISTINCT message, contact
FROM events
WHERE time >= $since AND workspace = $workspace AND message IN (SELECT unnest($messages::UBIGINT[])) AND contact <> 0
    AND NOT machine AND human > 0;
