-- name: keep_view
-- A view that may be looked at by a link.
INSERT INTO shared_views (id, workspace, name, page, words, digest, password, by, made, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: view_of
-- What a link shows, while it does.
SELECT id, workspace, name, page, words, digest, password, by, made, until, used FROM shared_views WHERE digest = ? AND until > ?;

-- name: views
-- All links of a workspace that still show something, newest first.
SELECT id, workspace, name, page, words, digest, password, by, made, until, used FROM shared_views
WHERE workspace = ? AND until > ? ORDER BY made DESC, id;

-- name: use_view
-- Somebody looks at it.
UPDATE shared_views SET used = ? WHERE id = ?;

-- name: end_view
-- The link shows nothing any more.
DELETE FROM shared_views WHERE workspace = ? AND id = ? RETURNING id;

-- name: forget_old_views
-- Links whose time is over.
DELETE FROM shared_views WHERE until <= ?;
