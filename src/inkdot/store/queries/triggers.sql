-- name: keep_trigger
-- A new rule, or the next version of the one with that name.
INSERT INTO triggers (id, workspace, name, version, rule, active, added, changed, since) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)
ON CONFLICT (workspace, name) DO UPDATE SET
    version = excluded.version, rule = excluded.rule, active = 1, changed = excluded.changed, since = excluded.since;

-- name: keep_rule
-- The text of a version.
INSERT INTO trigger_versions (trigger, version, rule, time) VALUES (?, ?, ?, ?);

-- name: triggers
-- All of them, by name.
SELECT id, name, version, rule, active, added, changed, capped,
    (SELECT count(*) FROM firings WHERE trigger = t.id), (SELECT max(time) FROM firings WHERE trigger = t.id)
FROM triggers t WHERE workspace = ? ORDER BY name;

-- name: versions
-- What a rule said, version by version.
SELECT version, rule, time FROM trigger_versions WHERE trigger = ? ORDER BY version;

-- name: active_triggers
-- Those that are to be watched for, and since when they say what they say.
SELECT id, workspace, version, rule, since FROM triggers WHERE active = 1 ORDER BY id;

-- name: switch_trigger
-- On or off.
UPDATE triggers SET active = ?, changed = ? WHERE id = ?;

-- name: forget_trigger
-- The rule goes; what it did stays on record.
DELETE FROM triggers WHERE id = ?;
