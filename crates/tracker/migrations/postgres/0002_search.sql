-- SQLite keeps its text index anew here. PostgreSQL finds the start of a word in the index it has.

-- What hits are sorted by, without reading rows with their descriptions.
CREATE INDEX vulnerability_key ON vulnerability (id) INCLUDE (severity, year, number);
