-- name: crowd
-- Who did something often enough, whatever the order of it. A rule's proof and facts; addresses by the numbers of those that fit.
SELECT contact FROM events
WHERE workspace = $workspace AND time >= $since AND list_contains($kinds, kind) AND contact <> 0
    AND human >= $minimum AND ($machines OR NOT machine) AND ($repeats OR repeat_of IS NULL)
    AND ($message IS NULL OR message = $message) AND ($link IS NULL OR link = $link)
    AND ($document IS NULL OR document = $document) AND ($site IS NULL OR site = $site) AND ($page IS NULL OR page = $page)
    AND ($channels IS NULL OR list_contains($channels, lower(channel))) AND ($source IS NULL OR lower(source) = $source)
    AND ($name IS NULL OR name = $name)
    AND ($urls IS NULL OR url IN (SELECT unnest($urls::UINTEGER[])))
GROUP BY contact
HAVING count(*) >= $times AND coalesce(sum(seconds), 0) >= $seconds;

-- name: addresses
-- Every address that people of a workspace met, once, so that a pattern is tried on each once.
SELECT number, content FROM urls WHERE number IN (
    SELECT url FROM events WHERE workspace = $workspace AND time >= $since AND list_contains($kinds, kind) AND contact <> 0
);

-- name: landings
-- Pages that people came to with an advertiser's mark in the address, oldest first.
SELECT e.contact, u.content, e.time FROM events e JOIN urls u ON u.number = e.url
WHERE e.workspace = $workspace AND e.time >= $since AND e.kind = 'view' AND e.contact <> 0 AND regexp_matches(u.content, $marks)
ORDER BY e.time, e.id;

-- name: first_heard
-- Who opened, clicked or answered these mails, by no machine, and since when.
SELECT contact, message, min(time) FROM events
WHERE workspace = $workspace AND kind IN ('open', 'click', 'reply') AND NOT machine
    AND message IN (SELECT unnest($messages::UBIGINT[]))
GROUP BY contact, message;

-- name: done
-- What people did themselves, each thing once: these people, or everybody.
SELECT contact, max(time), count(DISTINCT visit) FILTER (site IS NOT NULL),
    coalesce(sum(seconds) FILTER (site IS NOT NULL AND kind = 'engage'), 0),
    count(DISTINCT visit) FILTER (site IS NOT NULL AND kind = 'view' AND regexp_matches(content, $interesting)),
    count(*) FILTER (site IS NOT NULL AND kind = 'goal'), count(*) FILTER (kind = 'download'),
    count(*) FILTER (kind = 'click' AND site IS NULL AND document IS NULL), count(*) FILTER (kind = 'open' AND human >= 2),
    coalesce(sum(seconds) FILTER (kind = 'read'), 0), count(*) FILTER (kind = 'reply')
FROM events LEFT JOIN urls ON number = url AND kind = 'view'
WHERE workspace = $workspace AND contact <> 0 AND NOT machine AND human > 0 AND repeat_of IS NULL
    AND ($people IS NULL OR contact IN (SELECT unnest($people::UBIGINT[])))
GROUP BY contact;
