-- Views that are counted for nobody know their page: made anew from events.
ALTER TABLE others ADD COLUMN page VARCHAR;
DELETE FROM others;
UPDATE rolled SET others = TIMESTAMP '1970-01-01';
