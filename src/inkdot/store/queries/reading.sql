-- name: sittings
-- Pages of a document as they were read, by sitting: one person with one client, with pauses shorter than ten minutes.
-- A row is a page of a sitting; page null tells of the sitting itself (that it began, that the file was taken).
WITH theirs AS (
    SELECT time, kind, contact, workspace, raw, verdict, page, seconds, visit,
        (detail ->> 'version')::INTEGER AS version, coalesce((detail ->> 'visits')::INTEGER, 0) AS visits,
        TRY_CAST(detail ->> 'at' AS DOUBLE[]) AS came, CASE WHEN contact = 0 THEN visit ELSE raw END AS client
    FROM events
    WHERE document = $document AND workspace = $workspace AND kind IN ('view', 'read', 'download')
), parted AS (
    SELECT *, CASE WHEN time - lag(time) OVER who < INTERVAL 10 MINUTE THEN 0 ELSE 1 END AS begins FROM theirs
    WINDOW who AS (PARTITION BY contact, client, version ORDER BY time)
), numbered AS (
    SELECT *, sum(begins) OVER (PARTITION BY contact, client, version ORDER BY time ROWS UNBOUNDED PRECEDING) AS number
    FROM parted
)
SELECT contact, client, version, number::INTEGER, page, min(time), max(time), min(visit), arg_max(verdict, time),
    sum(coalesce(seconds, 0)), sum(visits)::INTEGER, count(*) FILTER (kind = 'download'),
    list({'told': epoch_us(time), 'came': came} ORDER BY time) FILTER (visits > 0)
FROM numbered
GROUP BY contact, client, version, number, page
ORDER BY min(min(time)) OVER (PARTITION BY contact, client, version, number), contact, client, version, number, page NULLS FIRST;

-- name: opens_of_document
-- What its dots told, oldest first; repeats are left out.
SELECT id, time, contact, page, verdict FROM events
WHERE document = $document AND workspace = $workspace AND kind = 'open' AND repeat_of IS NULL ORDER BY time, id;
