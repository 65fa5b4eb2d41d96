-- A search for the start of a word of three letters finds its list ready, instead of joining those of all words that begin so.
DROP TABLE vulnerability_text;
CREATE VIRTUAL TABLE vulnerability_text USING fts5 (name, title, description, content = 'vulnerability', content_rowid = 'id', prefix = '3');
INSERT INTO vulnerability_text (vulnerability_text) VALUES ('rebuild');

-- What verdicts are counted by and what hits are sorted by, without reading rows with their descriptions.
DROP INDEX vulnerability_severity;
CREATE INDEX vulnerability_key ON vulnerability (id, severity, year, number);
