-- The database of casework, as its migration tool leaves it. A template that the gate copies for each shard:
--   createdb casework_template && psql -f examples/casework/schema.sql casework_template
CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
CREATE TABLE events (sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body json NOT NULL);
INSERT INTO schema_migrations VALUES (1, false);
