-- Addresses as people read them: /%C3%BCber-uns is /über-uns. What would mean something else when it is decoded stays as it is.
CREATE MACRO readable(text) AS CASE
    WHEN NOT contains(text, '%') OR regexp_matches(text, '%([01][0-9a-fA-F]|2[35fF]|3[fF]|7[fF])') THEN text
    ELSE coalesce(TRY(url_decode(text)), text)
END;
UPDATE visits SET entry = readable(entry), exit = readable(exit) WHERE contains(entry, '%') OR contains(exit, '%');
UPDATE visits SET campaign = lower(readable(replace(campaign, '+', ' '))) WHERE campaign IS NOT NULL;
UPDATE visit_days SET name = readable(name) WHERE what IN ('entry', 'exit') AND contains(name, '%');
UPDATE visit_days SET name = lower(readable(replace(name, '+', ' '))) WHERE what = 'campaign';
UPDATE pages SET page = readable(page) WHERE contains(page, '%');
UPDATE moves SET page = readable(page), next = readable(next) WHERE contains(page, '%') OR contains(next, '%');
UPDATE steps SET name = readable(name) WHERE kind = 'page' AND contains(name, '%');
