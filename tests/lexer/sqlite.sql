-- Statements of every kind that SQLite's own tokenizer must agree on; each is prepared and run.
CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT DEFAULT ';', "semi;colon" TEXT, [brack;et] TEXT, `back;tick` TEXT);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id), kind TEXT CHECK (kind IN (';', 'it''s;')));
create table log (what text); create table "end" ("begin" int, "case" int);
CREATE TABLE the_trigger (trigger_end TEXT);;;
INSERT INTO a (name) VALUES ('plain'), ('semi;colon'), ('it''s;'), ("double"";"), ('back\'), ('two
lines;');
INSERT INTO log VALUES (x'3b'), (X'3B'), (';' || char(59));
SELECT "semi;colon", [brack;et], `back;tick`, 'a''b;', """;""", `a``;` FROM (SELECT *, 1 AS """;""", 2 AS "a`;" FROM a);
SELECT 1 -- ;'"[`
;
SELECT 2 /* ; /* not nested; */;
SELECT 3 /* ' */; SELECT 4 /* " */; SELECT 5 /* [ */; SELECT 6 /* ` */;
SELECT 7 /**/; SELECT 8 /***/; SELECT 9 /* * / ; */; SELECT 10 /*/ ; */;
SELECT 11 - -1, 12 -/* ; */1, 13/* ; *//2;
SELECT 14 --1;
;
/* before; */ SELECT 15; -- behind;
SELECT '{"a": [1, 2]}' -> 'a', '{"a": ";"}' ->> '$.a';
SELECT 1 << 2, 5 >> 1, 1 <> 2, 1 != 2, 1 == 1, 'a' || 'b', ~1, 5 % 2, 5 & 1, 5 | 2;
SELECT :name, @name, $name, ?1, ?;
SELECT 0x1F, 1e3, 1.5e-3, .5, 5.;
SELECT CASE WHEN 1 THEN ';' ELSE 'END;' END;
SELECT begin_, end_ FROM (SELECT 1 AS begin_, 2 AS end_);
SELECT ünïcödé FROM (SELECT 1 AS ünïcödé);
CREATE TRIGGER t1 AFTER INSERT ON a BEGIN INSERT INTO log VALUES ('a'); END;
CREATE TRIGGER IF NOT EXISTS t2 AFTER UPDATE OF name ON a FOR EACH ROW WHEN new.name <> ';' BEGIN
    INSERT INTO log VALUES (CASE WHEN old.name = 'END;' THEN 'x' ELSE CASE new.name WHEN ';' THEN 'y' END END);
    UPDATE b SET kind = ';' WHERE a_id = new.id; -- END;
    DELETE FROM b /* END; */ WHERE id = 0;
    SELECT RAISE(IGNORE) WHERE new.name = 'it''s;';
END;
CREATE TEMP TRIGGER t3 BEFORE DELETE ON a BEGIN SELECT 1; END; SELECT 'behind a trigger';
CREATE VIEW v AS SELECT id, name, CASE WHEN id > 1 THEN ';' END AS c FROM a;
create temporary trigger t4 instead of insert on v begin insert into a (name) values (new.name); end
;
CREATE TRIGGER t5 AFTER DELETE ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; END;
CREATE /* x */ TRIGGER -- y;
t6 AFTER INSERT ON b BEGIN SELECT "end", 1 FROM (SELECT 1 AS "end"); SELECT 2; END /* ; */ ;
EXPLAIN CREATE TRIGGER t7 AFTER INSERT ON b BEGIN SELECT 1; END;
EXPLAIN QUERY PLAN SELECT * FROM a;
CREATE TABLE trigger_log (id); CREATE INDEX "trigger" ON b (kind); DROP TRIGGER t5;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT group_concat(i, ';') FROM n;
INSERT INTO a (name) VALUES ('x') ON CONFLICT (id) DO UPDATE SET name = excluded.name || ';' RETURNING id;
CREATE VIRTUAL TABLE f USING fts5(body, tokenize = "unicode61 separators ';'");
INSERT INTO f VALUES ('END; of it'); SELECT * FROM f WHERE f MATCH '"of; it"';
CREATE INDEX i1 ON a (name) WHERE name <> ';'; DROP INDEX i1;
ALTER TABLE a RENAME COLUMN "semi;colon" TO "still;here"; ALTER TABLE a ADD COLUMN g TEXT AS (name || ';');
PRAGMA user_version = 3; PRAGMA table_info("a"); PRAGMA foreign_key_check;
ANALYZE; REINDEX; DELETE FROM log; DROP VIEW v; VALUES (1, ';'), (2, ')');
SAVEPOINT s; RELEASE s; BEGIN; SELECT 1; COMMIT; BEGIN IMMEDIATE; ROLLBACK; BEGIN; END;
SELECT 'the last has no semicolon' -- but; a comment
