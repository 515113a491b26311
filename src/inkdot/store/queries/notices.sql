-- name: keep_notice
-- What a user wants to be told of.
INSERT INTO notices (user, workspace, wish, digested) VALUES (?, ?, ?, ?)
ON CONFLICT (user, workspace) DO UPDATE SET wish = excluded.wish;

-- name: notices
-- All wishes of users who are still of the workspace.
SELECT n.user, n.workspace, u.address, n.wish, n.digested FROM notices n JOIN users u ON u.id = n.user
JOIN members m ON m.user = n.user AND m.workspace = n.workspace ORDER BY n.user, n.workspace;

-- name: digested
-- Up to when a user was told by mail; only forward.
UPDATE notices SET digested = ? WHERE user = ? AND workspace = ? AND digested < ?;

-- name: mute
-- No more about a person.
INSERT INTO muted (user, workspace, contact) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: unmute
-- About a person again.
DELETE FROM muted WHERE user = ? AND workspace = ? AND contact = ?;

-- name: muted
-- Of whom a user wants to hear nothing.
SELECT contact FROM muted WHERE user = ? AND workspace = ?;
