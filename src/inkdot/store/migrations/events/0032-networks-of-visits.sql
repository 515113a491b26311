-- The network that a visit came from, unless it is known to be a proxy's or the like.
ALTER TABLE visits ADD COLUMN asn UINTEGER;
DELETE FROM visits;
DELETE FROM visit_days;
DELETE FROM pages;
DELETE FROM happenings;
DELETE FROM steps;
DELETE FROM journeys;
DELETE FROM moves;
DELETE FROM others;
DELETE FROM rolled;
