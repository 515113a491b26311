-- name: double_ids
-- Two events with one id.
SELECT count(*) FROM (SELECT id FROM events GROUP BY id HAVING count(*) > 1);

-- name: lost_raws
-- Events whose raw facts are missing.
SELECT count(*) FROM events WHERE raw NOT IN (SELECT number FROM raws);

-- name: lost_verdicts
-- Events whose verdict is missing.
SELECT count(*) FROM events WHERE verdict NOT IN (SELECT number FROM verdicts);

-- name: lost_urls
-- Events whose destination is missing.
SELECT count(*) FROM events WHERE url IS NOT NULL AND url NOT IN (SELECT number FROM urls);

-- name: lost_originals
-- Repeats of an event that is not there.
SELECT count(*) FROM events e WHERE repeat_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events o WHERE o.id = e.repeat_of);

-- name: beyond_checkpoint
-- Events that no checkpoint covers.
SELECT count(*) FROM events e LEFT JOIN checkpoints c ON c.stream = (e.id >> 48)
WHERE c.stream IS NULL OR ((e.id >> 24) & 16777215) > c.segment
   OR (((e.id >> 24) & 16777215) = c.segment AND ((e.id >> 2) & 4194303) * 8 >= c.place);

-- name: double_pings
-- Two refusals of one ping.
SELECT count(*) FROM (SELECT ping FROM dropped GROUP BY ping HAVING count(*) > 1);

-- name: double_numbers
-- Two shared facts with one number.
SELECT count(*) FROM (SELECT number FROM raws GROUP BY number HAVING count(*) > 1
    UNION ALL SELECT number FROM verdicts GROUP BY number HAVING count(*) > 1
    UNION ALL SELECT number FROM urls GROUP BY number HAVING count(*) > 1);

-- name: double_streams
-- Two checkpoints of one stream.
SELECT count(*) FROM (SELECT stream FROM checkpoints GROUP BY stream HAVING count(*) > 1);

-- name: read_events
-- Every value once, so that a damaged block shows.
SELECT bit_xor(hash(COLUMNS(*))) FROM events;

-- name: read_dropped
-- Likewise.
SELECT bit_xor(hash(COLUMNS(*))) FROM dropped;

-- name: read_raws
-- Likewise.
SELECT bit_xor(hash(COLUMNS(*))) FROM raws;

-- name: read_verdicts
-- Likewise.
SELECT bit_xor(hash(COLUMNS(*))) FROM verdicts;

-- name: read_urls
-- Likewise.
SELECT bit_xor(hash(COLUMNS(*))) FROM urls;

-- name: read_checkpoints
-- Likewise.
SELECT bit_xor(hash(COLUMNS(*))) FROM checkpoints;
