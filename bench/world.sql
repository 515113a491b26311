-- name: reads
-- Reads of forty documents: five thousand people, some sittings each, twelve pages.
INSERT INTO recent BY NAME
SELECT (3::UBIGINT << 24) + ((s * 13 + n)::UBIGINT * 4) + (1::UBIGINT << 40) AS id,
    make_timestamp($start + s * $step) + to_seconds(n * 20) AS time, CASE WHEN n = 0 THEN 'view' ELSE 'read' END AS kind,
    1 AS workspace, hash(hash(s % 5000) % 500000 + 7) >> 1 AS contact, 0 AS part, 0 AS verdict, (s % 300)::UINTEGER AS raw,
    3 AS human, false AS machine, '2026.11' AS rules, 5 + s % 40 AS document, CASE WHEN n > 0 THEN n END::UINTEGER AS page,
    (1::UBIGINT << 41) + s AS visit, CASE WHEN n > 0 THEN 3.5 + n END AS seconds,
    '{"version":1' || CASE WHEN n > 0 THEN ',"visits":1,"at":[1.5]}' ELSE '}' END AS detail
FROM range($sittings) t(s), range(13) u(n);

-- name: people
-- Everybody.
SELECT DISTINCT contact FROM events WHERE contact <> 0;

-- name: mails
-- Every mail, and when it was heard of first, latest first.
SELECT message, epoch_us(min(time)) // 1000000 FROM events WHERE message IS NOT NULL GROUP BY message ORDER BY 2 DESC;

-- name: recipients
-- Who got the mails that were heard of since then.
SELECT DISTINCT message, contact FROM events WHERE message IS NOT NULL AND time >= $since;
