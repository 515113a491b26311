-- name: keep_subscription
-- A browser that may be pushed to, and whose it is.
INSERT INTO push_subscriptions (endpoint, workspace, contact, keys, name, added) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (endpoint) DO UPDATE SET keys = excluded.keys, name = excluded.name, contact = excluded.contact;

-- name: subscriptions
-- Somebody's browsers, first allowed first; with NULL for the contact everybody's.
SELECT endpoint, keys, name, contact, added FROM push_subscriptions
WHERE workspace = ?1 AND (?2 IS NULL OR contact = ?2) ORDER BY added, endpoint;

-- name: forget_subscription
-- It is gone, or wants nothing more.
DELETE FROM push_subscriptions WHERE endpoint = ?;
