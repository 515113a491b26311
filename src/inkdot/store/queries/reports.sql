-- name: active_messages
-- The mails of which something was heard last before a time, latest first.
SELECT message FROM events
WHERE time >= $since AND time < $until AND message IS NOT NULL AND workspace = $workspace
GROUP BY message ORDER BY max(time) DESC, message LIMIT $most;

-- name: mail
-- Per message and person the best evidence of an open and of a click; then people by evidence. Repeats are not counted.
-- What no person caused is told apart: machines by trade, and fetches by others that prove nobody (a Gmail prefetch).
-- What is counted for nobody is counted over all time, so that two spans cannot be subtracted, and hidden while it is fewer than
-- five or while too few people got the mail (`few`); of its times the day is told.
WITH heard AS (
    SELECT message, contact, kind, time, repeat_of, machine, human FROM events
    WHERE time >= $since AND contact <> 0 AND workspace = $workspace AND message IN (SELECT unnest($messages::UBIGINT[]))
    UNION ALL
    SELECT message, contact, kind, date_trunc('day', time), repeat_of, machine, human FROM events
    WHERE contact = 0 AND workspace = $workspace AND message IN (SELECT unnest($messages::UBIGINT[]))
), judged AS (
    SELECT message, contact, kind, time, repeat_of IS NULL AS counted,
        (machine OR human = 0) AND kind IN ('open', 'click') AS mechanic,
        CASE WHEN NOT machine AND human > 0 THEN human END AS human
    FROM heard
), per_person AS (
    SELECT message, contact,
        max(human) FILTER (kind = 'open') AS opened,
        max(human) FILTER (kind = 'click') AS clicked,
        count(*) FILTER (kind = 'open' AND NOT mechanic AND counted) AS opens,
        count(*) FILTER (kind = 'click' AND NOT mechanic AND counted) AS clicks,
        contact <> 0 OR (opens >= 5 AND NOT list_contains($few::UBIGINT[], message)) AS opens_told,
        contact <> 0 OR (clicks >= 5 AND NOT list_contains($few::UBIGINT[], message)) AS clicks_told,
        count(*) FILTER (mechanic) AS fetches,
        count(*) FILTER (kind = 'reply') AS replies, count(*) FILTER (kind = 'bounce') AS bounces,
        min(time) FILTER (NOT mechanic AND kind <> 'bounce') AS first,
        max(time) FILTER (NOT mechanic AND kind <> 'bounce') AS last
    FROM judged GROUP BY message, contact
)
SELECT message,
    count(*) FILTER (opened = 3 AND contact <> 0), count(*) FILTER (opened = 2 AND contact <> 0),
    count(*) FILTER (opened = 1 AND contact <> 0),
    count(*) FILTER (opened IS NULL AND fetches > 0 AND contact <> 0),
    count(*) FILTER (clicked >= 2 AND contact <> 0), count(*) FILTER (clicked = 1 AND contact <> 0),
    coalesce(sum(opens) FILTER (opens_told), 0)::BIGINT, coalesce(sum(clicks) FILTER (clicks_told), 0)::BIGINT,
    sum(fetches)::BIGINT, min(first) FILTER (opens_told OR clicks_told), max(last) FILTER (opens_told OR clicks_told),
    count(*) FILTER (replies > 0), count(*) FILTER (bounces > 0),
    coalesce(sum(opens) FILTER (opens_told AND contact = 0), 0)::BIGINT,
    coalesce(sum(clicks) FILTER (clicks_told AND contact = 0), 0)::BIGINT
FROM per_person GROUP BY message;

-- name: by_verdict
-- Events by verdict: there are few verdicts, and each knows its actor.
SELECT verdict, count(*) FROM events WHERE time >= $since AND workspace = $workspace GROUP BY verdict;

-- name: by_day
-- Counted events by day of UTC, kind, rank of what they prove, and whether a machine made them; repeats are left out.
SELECT time::DATE AS day, kind, human, machine, count(*)
FROM events
WHERE time >= $since AND workspace = $workspace AND repeat_of IS NULL
GROUP BY day, kind, human, machine;

-- name: opens_of_people
-- Counted opens of some people, by verdict.
SELECT verdict, count(*) FROM events
WHERE contact IN (SELECT unnest($people::UBIGINT[])) AND workspace = $workspace AND kind = 'open' AND repeat_of IS NULL
    AND (id & 3) = 0
GROUP BY verdict;

-- name: people_of_mail
-- What each person did with one mail: the best evidence of an open and of a click, machines apart, replies and bounces.
SELECT contact,
    max(human) FILTER (kind = 'open' AND NOT machine AND human > 0),
    max(human) FILTER (kind = 'click' AND NOT machine AND human > 0),
    count(*) FILTER (kind IN ('open', 'click') AND (machine OR human = 0)),
    count(*) FILTER (kind = 'reply'), count(*) FILTER (kind = 'bounce'), max(time)
FROM events WHERE message = $message AND workspace = $workspace AND contact <> 0
GROUP BY contact;
