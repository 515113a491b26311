-- name: active_messages
-- The mails of which something was heard last, latest first.
SELECT message FROM events
WHERE time >= $since AND message IS NOT NULL AND workspace = $workspace
GROUP BY message ORDER BY max(time) DESC LIMIT $most;

-- name: mail
-- Per message and person the best evidence of an open and of a click; then people by evidence. Repeats are not counted.
WITH per_person AS (
    SELECT message, contact,
        max(human) FILTER (kind = 'open' AND NOT machine) AS opened,
        max(human) FILTER (kind = 'click' AND NOT machine) AS clicked,
        count(*) FILTER (kind = 'open' AND NOT machine AND repeat_of IS NULL) AS opens,
        count(*) FILTER (kind = 'click' AND NOT machine AND repeat_of IS NULL) AS clicks,
        count(*) FILTER (machine) AS machine,
        min(time) FILTER (NOT machine) AS first, max(time) FILTER (NOT machine) AS last
    FROM events
    WHERE time >= $since AND workspace = $workspace AND message IN (SELECT unnest($messages::UBIGINT[]))
    GROUP BY message, contact
)
SELECT message,
    count(*) FILTER (opened = 3), count(*) FILTER (opened = 2), count(*) FILTER (opened <= 1),
    count(*) FILTER (opened IS NULL AND machine > 0),
    count(*) FILTER (clicked >= 2), count(*) FILTER (clicked <= 1),
    sum(opens)::BIGINT, sum(clicks)::BIGINT, sum(machine)::BIGINT, min(first), max(last)
FROM per_person GROUP BY message;
