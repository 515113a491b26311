-- name: keep_audience
-- A new list, or another rule for the one with that name.
INSERT INTO audiences (id, workspace, name, rule, added) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (workspace, name) DO UPDATE SET rule = excluded.rule;

-- name: audiences
-- All lists with how many are on them.
SELECT id, name, rule, added, (SELECT count(*) FROM audience_members WHERE audience = a.id) FROM audiences a WHERE workspace = ? ORDER BY name;

-- name: audience
-- One list by name.
SELECT id, name, rule, added, (SELECT count(*) FROM audience_members WHERE audience = a.id) FROM audiences a WHERE workspace = ? AND name = ?;

-- name: forget_audience
-- Gone.
DELETE FROM audiences WHERE id = ?;

-- name: join
-- Somebody is on a list now.
INSERT INTO audience_members (audience, contact, joined, because) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: leave
-- Somebody is not.
DELETE FROM audience_members WHERE audience = ? AND contact = ?;

-- name: note_leaving
-- So that platforms can be told.
INSERT INTO audience_leavers (audience, contact, time, because) VALUES (?, ?, ?, ?)
ON CONFLICT (audience, contact) DO UPDATE SET time = excluded.time, because = excluded.because;

-- name: unnote_leaving
-- Back again.
DELETE FROM audience_leavers WHERE audience = ? AND contact = ?;

-- name: members
-- Who is on a list.
SELECT contact, joined, because FROM audience_members WHERE audience = ? ORDER BY joined, contact;

-- name: leavers
-- Who was, since a time.
SELECT contact, time, because FROM audience_leavers WHERE audience = ? AND time >= ? ORDER BY time, contact;

-- name: is_member
-- Whether somebody is on the list of that name.
SELECT 1 FROM audience_members m JOIN audiences a ON a.id = m.audience WHERE a.workspace = ? AND a.name = ? AND m.contact = ?;

-- name: tag
-- A word on somebody.
INSERT INTO contact_tags (workspace, contact, tag, time) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: untag
-- And off again.
DELETE FROM contact_tags WHERE workspace = ? AND contact = ? AND tag = ?;

-- name: tags_of
-- The words on somebody.
SELECT tag FROM contact_tags WHERE workspace = ? AND contact = ? ORDER BY tag;

-- name: tagged
-- Who has a word on them.
SELECT contact FROM contact_tags WHERE workspace = ? AND tag = ?;

-- name: people
-- Everybody.
SELECT id, address FROM contacts WHERE workspace = ? ORDER BY id;

-- name: note_export
-- Somebody was handed over to a platform.
INSERT INTO audience_exports (audience, target, digest, time) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: exported
-- Whom a platform has.
SELECT digest FROM audience_exports WHERE audience = ? AND target = ? ORDER BY digest;

-- name: unnote_export
-- It was told to remove them.
DELETE FROM audience_exports WHERE audience = ? AND target = ? AND digest = ?;

-- name: audience_workspaces
-- Workspaces that have audiences.
SELECT DISTINCT workspace FROM audiences ORDER BY workspace;

-- name: keep_warm
-- How warm somebody is now.
INSERT INTO warm (workspace, contact, points) VALUES (?, ?, ?)
ON CONFLICT (workspace, contact) DO UPDATE SET points = excluded.points;

-- name: forget_warm
-- It is found out anew, or nobody asks any more.
DELETE FROM warm WHERE workspace = ?;

-- name: forget_all_warm
-- Nobody asks any more.
DELETE FROM warm;

-- name: warmth_of
-- How warm somebody was found.
SELECT points FROM warm WHERE workspace = ? AND contact = ?;

-- name: keep_detail
-- What is known of somebody.
INSERT INTO contact_details (workspace, contact, name, value) VALUES (?, ?, ?, ?)
ON CONFLICT (workspace, contact, name) DO UPDATE SET value = excluded.value;

-- name: forget_details
-- Nothing is, beside the address.
DELETE FROM contact_details WHERE workspace = ? AND contact = ?;

-- name: details_of
-- What is known of somebody.
SELECT name, value FROM contact_details WHERE workspace = ? AND contact = ? ORDER BY name;

-- name: details
-- What is known of everybody.
SELECT contact, name, value FROM contact_details WHERE workspace = ?;
