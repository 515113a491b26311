-- name: urls
-- Pages of a site.
INSERT INTO urls SELECT n, hash(n), '"https://www.example.com/page/' || n || CASE WHEN n % 7 = 0 THEN '?utm_campaign=c' || n % 50 ELSE '' END || '"' FROM range(2000) t(n);

-- name: verdicts
-- A few clients.
INSERT INTO verdicts SELECT n, hash(n + 100000), $content FROM range(200) t(n);

-- name: raw
-- One for all.
INSERT INTO raws VALUES (0, 1, '{"agent":null,"method":"GET","headers":[],"asn":null,"network":[],"country":null,"city":null}');

-- name: events
-- Visits of five events: three views, active seconds, a goal now and then; one visitor in three comes again.
INSERT INTO {table} BY NAME
WITH visits AS (
    SELECT v, make_timestamp($start + (v * $step)) AS began, hash(v % $visitors) % 4611686018427387904 AS visitor
    FROM range($from, $to) t(v)
)
SELECT (v * 8 + n)::UBIGINT * 4 AS id, began + to_seconds(n * 40) AS time, [ 'view', 'engage', 'view', 'view', 'goal' ][n + 1] AS kind,
    1 AS workspace, CASE WHEN v % 50 = 0 THEN visitor % 100000 + 1 ELSE 0 END AS contact, 0 AS part, (hash(v * 7 + n) % 2000)::UINTEGER AS url,
    (v % 200)::UINTEGER AS verdict, 0 AS raw, 3 AS human, false AS machine, '2026.11' AS rules, 9 AS site, visitor, (v * 32)::UBIGINT AS visit,
    [ 'Direct', 'Organic Search', 'Email', 'Referral', 'Paid Search' ][v % 5 + 1] AS channel,
    [ NULL, 'Google', 'news', 'example.org', 'Google' ][v % 5 + 1] AS source,
    CASE WHEN n = 1 THEN 12.5 END AS seconds,
    CASE WHEN n = 4 THEN 'signup' WHEN n = 2 AND v % 9 = 0 THEN 'word ' || v % 300 END AS name
FROM visits, range(5) u(n)
WHERE n < 4 OR v % 4 <> 0;
