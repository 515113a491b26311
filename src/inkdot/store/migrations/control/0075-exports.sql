-- Whose data an export holds; NULL for everybody's.
ALTER TABLE written_files ADD COLUMN contact INTEGER;
