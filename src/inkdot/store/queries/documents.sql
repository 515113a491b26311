-- name: keep_upload
-- One content, once.
INSERT INTO uploads (hash, bytes, media, made) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: uploads_bytes
-- What all uploads weigh.
SELECT coalesce(sum(bytes), 0) FROM uploads;

-- name: has_upload
-- Whether a content is kept.
SELECT count(*) FROM uploads WHERE hash = ?;

-- name: unused_uploads
-- Contents that no version needs any more.
SELECT hash FROM uploads WHERE hash NOT IN (SELECT upload FROM versions);

-- name: forget_upload
-- One content, unless a version has taken it up meanwhile.
DELETE FROM uploads WHERE hash = ? AND hash NOT IN (SELECT upload FROM versions);

-- name: keep_document
-- A new document.
INSERT INTO documents (id, workspace, name, made) VALUES (?, ?, ?, ?);

-- name: rename_document
-- The name of its newest file.
UPDATE documents SET name = ? WHERE id = ?;

-- name: keep_version
-- A file of a document, numbered on.
INSERT INTO versions (document, number, upload, made, words)
SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4 FROM versions WHERE document = ?1;

-- name: documents
-- All documents with their newest version, oldest first.
SELECT d.id, d.name, d.made, v.number, v.upload, u.bytes, u.media, v.words
FROM documents d
JOIN versions v ON v.document = d.id AND v.number = (SELECT max(number) FROM versions WHERE document = d.id)
JOIN uploads u ON u.hash = v.upload
WHERE d.workspace = ? ORDER BY d.made, d.id;

-- name: document
-- One document with its newest version.
SELECT d.id, d.name, d.made, v.number, v.upload, u.bytes, u.media, v.words
FROM documents d JOIN versions v ON v.document = d.id JOIN uploads u ON u.hash = v.upload
WHERE d.id = ? ORDER BY v.number DESC LIMIT 1;

-- name: document_version
-- One document with a certain version.
SELECT d.id, d.name, d.made, v.number, v.upload, u.bytes, u.media, v.words
FROM documents d JOIN versions v ON v.document = d.id JOIN uploads u ON u.hash = v.upload
WHERE d.id = ? AND v.number = ?;

-- name: document_of
-- The document whose newest version is this content under this name.
SELECT d.id FROM documents d JOIN versions v ON v.document = d.id
WHERE d.workspace = ? AND v.upload = ? AND d.name = ?
    AND v.number = (SELECT max(number) FROM versions WHERE document = d.id)
ORDER BY d.made LIMIT 1;

-- name: forget_document
-- A document with its versions and shares.
DELETE FROM documents WHERE id = ?;

-- name: documents_for
-- Documents that one person alone has a link to.
SELECT DISTINCT s.document FROM shares s WHERE s.contact = ?1
    AND NOT EXISTS (SELECT 1 FROM shares o WHERE o.document = s.document AND o.contact <> ?1);

-- name: finished_documents
-- Documents made before a time whose every link ended before it, so that nobody can read them any more.
SELECT d.id FROM documents d
WHERE d.made < ?1 AND NOT EXISTS (
    SELECT 1 FROM shares s
    WHERE s.document = d.id AND coalesce(min(s.revoked, s.expires), s.revoked, s.expires, 9e18) >= ?1
);

-- name: keep_share
-- A link for one person.
INSERT INTO shares (id, workspace, document, contact, made, expires, passcode, gate, download, watermark, allow, block)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: share
-- One link.
SELECT id, workspace, document, contact, made, expires, passcode, gate, download, watermark, allow, block, revoked, unmeasured
FROM shares WHERE id = ?;

-- name: shares_of
-- The links to a document, oldest first.
SELECT id, workspace, document, contact, made, expires, passcode, gate, download, watermark, allow, block, revoked, unmeasured
FROM shares WHERE document = ? ORDER BY made, id;

-- name: revoke_share
-- A link that leads nowhere from now on.
UPDATE shares SET revoked = ? WHERE id = ? AND revoked IS NULL;

-- name: leave_unmeasured
-- The reader's wish; it stays.
UPDATE shares SET unmeasured = ? WHERE id = ? AND unmeasured IS NULL;

-- name: forget_shares
-- All links of a person.
DELETE FROM shares WHERE workspace = ? AND contact = ?;

-- name: keep_marked
-- A document that leaves with dots in it.
INSERT INTO marked_documents (id, workspace, name, marked, contact, dots) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: marked
-- Its name, when it was marked and how many dots it has.
SELECT name, marked, dots FROM marked_documents WHERE id = ?;

-- name: dotted_documents
-- What left with dots, oldest first.
SELECT id, name, marked, contact, dots FROM marked_documents WHERE workspace = ? ORDER BY marked, id;

-- name: document_workspace
-- Where a document belongs.
SELECT workspace FROM documents WHERE id = ? UNION ALL SELECT workspace FROM marked_documents WHERE id = ?;
