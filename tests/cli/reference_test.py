"""The reference migrations, the Home Kitchen Manager's: the catalogue after `upgrade head` is what its database guide
asks for, searching really finds, and `downgrade base` leaves no trace."""

import os
import re
import subprocess
import time

from harness import ROOT, Case, Postgres, Sqlite, main, postgres_program

MIGRATIONS = os.path.join(ROOT, "migrations")

# The guide's index set, word for word.
DOCUMENT = """
CREATE INDEX idx_shopping_lists_kitchen_created ON shopping_lists (kitchen_id, created_at);
CREATE INDEX idx_shopping_list_items_list_purchased ON shopping_list_items (shopping_list_id, is_purchased);
CREATE INDEX idx_pantry_items_kitchen_name ON pantry_items (kitchen_id, name);
CREATE INDEX idx_refrigerator_items_kitchen_name ON refrigerator_items (kitchen_id, name);
CREATE INDEX idx_freezer_items_kitchen_name ON freezer_items (kitchen_id, name);
CREATE INDEX idx_shopping_list_items_fulltext ON shopping_list_items
USING gin(to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, '') || ' ' || coalesce(notes, '')));
CREATE INDEX idx_pantry_items_fulltext ON pantry_items
USING gin(to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, '')));
CREATE INDEX idx_users_active_username ON users (username) WHERE is_active = true;
"""
INDEXES = {re.match(r"CREATE INDEX (\w+)", statement)[1]: statement
           for statement in map(str.strip, DOCUMENT.split(";")) if statement}
FULLTEXT = {"idx_shopping_list_items_fulltext", "idx_pantry_items_fulltext"}
TABLES = {"users", "kitchens", "kitchen_members", "shopping_lists", "shopping_list_items", "pantry_items",
          "refrigerator_items", "freezer_items"}
OUR_OWN = {"alembic_version", "migrate_history", "migrate_script"}  # what the tool keeps, and their indexes begin so

SEED = """
INSERT INTO users (id, username, email, password_hash) VALUES (1, 'ada', 'ada@example.org', 'x');
INSERT INTO kitchens (id, name) VALUES (1, 'home');
INSERT INTO kitchen_members (kitchen_id, user_id, role) VALUES (1, 1, 'owner');
INSERT INTO shopping_lists (id, kitchen_id, name) VALUES (1, 1, 'Saturday');
INSERT INTO shopping_list_items (id, shopping_list_id, name, notes) VALUES (1, 1, 'tomatoes', 'the small ones');
INSERT INTO shopping_list_items (id, shopping_list_id, name, description) VALUES (2, 1, 'bread', 'sliced');
INSERT INTO pantry_items (id, kitchen_id, name, description) VALUES (1, 1, 'rice', 'for risottos');
INSERT INTO pantry_items (id, kitchen_id, name) VALUES (2, 1, 'lentils');
"""


class Reference:
    """What holds on both databases."""

    def run_tool(self, *words):
        return self.migrate("-d", MIGRATIONS, *words)

    def leftovers(self):
        return [(kind, name) for kind, name in self.objects() if not name.startswith(tuple(OUR_OWN))]

    def test_upgrade_makes_the_tables_the_guide_implies(self):
        self.run_tool("upgrade", "head")
        tables = {name for kind, name in self.leftovers() if kind == "table" and not name.startswith("idx_")}
        self.assertEqual(tables, TABLES)

    def test_search_follows_what_is_inserted_updated_and_deleted(self):
        self.run_tool("upgrade", "head")
        self.execute(SEED)
        self.assertEqual(self.search("shopping_list_items", "tomato"), [("1",)])  # stemmed
        self.assertEqual(self.search("shopping_list_items", "small"), [("1",)])
        self.assertEqual(self.search("shopping_list_items", "sliced"), [("2",)])
        self.assertEqual(self.search("pantry_items", "risotto"), [("1",)])

        self.execute("UPDATE shopping_list_items SET name = 'cherries', notes = NULL WHERE id = 1;"
                     "UPDATE pantry_items SET description = 'for sushi' WHERE id = 1;")
        self.assertEqual(self.search("shopping_list_items", "tomato"), [])
        self.assertEqual(self.search("shopping_list_items", "small"), [])
        self.assertEqual(self.search("shopping_list_items", "cherry"), [("1",)])
        self.assertEqual(self.search("pantry_items", "risotto"), [])
        self.assertEqual(self.search("pantry_items", "sushi"), [("1",)])

        self.execute("DELETE FROM shopping_list_items WHERE id = 1; DELETE FROM pantry_items WHERE id = 1;")
        self.assertEqual(self.search("shopping_list_items", "cherry"), [])
        self.assertEqual(self.search("pantry_items", "sushi"), [])
        self.assertEqual(self.search("pantry_items", "lentil"), [("2",)])

    def test_search_finds_what_was_there_before_the_index(self):
        self.run_tool("upgrade", "5b9e20f7d361")
        self.execute(SEED)
        self.run_tool("upgrade", "head")
        self.assertEqual(self.search("shopping_list_items", "tomato"), [("1",)])
        self.assertEqual(self.search("pantry_items", "risotto"), [("1",)])

    def test_downgrade_to_base_leaves_no_trace(self):
        self.run_tool("upgrade", "head")
        self.execute(SEED)
        self.run_tool("downgrade", "base")
        self.assertEqual(self.leftovers(), [])
        self.assertEqual(self.query("SELECT * FROM alembic_version"), [])

    def test_every_revision_goes_down_and_up_again_to_the_same_catalogue(self):
        self.run_tool("upgrade", "head")
        whole = self.definitions()
        before = len(self.leftovers())
        for back in range(1, 7):
            self.run_tool("downgrade", "-%d" % back)
            now = len(self.leftovers())
            self.assertLess(now, before, "downgrade -%d took nothing away" % back)
            self.run_tool("upgrade", "head")
            self.assertEqual(self.definitions(), whole)

    def test_rows_come_and_go_with_what_they_belong_to(self):
        self.run_tool("upgrade", "head")
        self.execute(SEED)
        self.execute(self.enforce + "DELETE FROM kitchens WHERE id = 1;")
        for table in ("kitchen_members", "shopping_lists", "shopping_list_items", "pantry_items"):
            self.assertEqual(self.query("SELECT count(*) FROM " + table), [("0",)], table)
        self.assertEqual(self.search("shopping_list_items", "bread"), [])
        self.assertEqual(self.query("SELECT is_active = true, count(*) FROM users GROUP BY 1"), self.one_active_user)


class ReferenceOnPostgres(Reference, Postgres, Case):
    enforce = ""
    one_active_user = [("t", "1")]

    def definitions(self):
        return dict(self.query("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'idx\\_%'"))

    def search(self, table, word):
        vector = re.search(r"gin\((.*)\)$", INDEXES["idx_%s_fulltext" % table])[1]
        return self.query("SELECT id FROM %s WHERE %s @@ plainto_tsquery('english', '%s') ORDER BY id"
                          % (table, vector, word))

    def test_each_index_is_what_the_guides_statement_makes(self):
        # Asks the server itself: the guide's own statements, run in place of ours, must read the same in the catalogue.
        self.run_tool("upgrade", "head")
        ours = self.definitions()
        self.assertEqual(set(ours), set(INDEXES))
        self.execute("".join("DROP INDEX %s; %s;" % item for item in INDEXES.items()))
        self.assertEqual(ours, self.definitions())

    def test_every_index_is_valid(self):
        self.run_tool("upgrade", "head")
        broken = self.query("SELECT indexrelid::regclass FROM pg_index WHERE NOT (indisvalid AND indisready)")
        self.assertEqual(broken, [])

    def test_a_search_uses_its_index(self):
        self.run_tool("upgrade", "head")
        self.execute(SEED)
        plan = self.query("SET enable_seqscan = off; EXPLAIN SELECT id FROM pantry_items WHERE to_tsvector('english', "
                          "coalesce(name, '') || ' ' || coalesce(description, '')) @@ to_tsquery('english', 'rice')")
        self.assertIncludes(str(plan), "idx_pantry_items_fulltext")

    def test_the_application_writes_while_the_indexes_are_built(self):
        # An online build waits for the open write, and lets others write meanwhile. One that locks the table would stop
        # the insert below.
        self.run_tool("upgrade", "d4071e93c5a8")
        self.execute(SEED)
        writer = subprocess.Popen([postgres_program("psql"), "-XqAt", "-d", self.url], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(writer.communicate)
        self.addCleanup(writer.kill)
        writer.stdin.write("BEGIN; UPDATE shopping_lists SET name = 'Sunday' RETURNING id;\n")
        writer.stdin.flush()
        self.assertEqual(writer.stdout.readline(), "1\n")
        build = self.start("-d", MIGRATIONS, "upgrade", "head")
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                   "AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONCURRENTLY%'")
        give_up = time.monotonic() + 30
        while self.query(waiting) != [("1",)]:
            self.assertIsNone(build.poll(), "the build did not wait for the writer")
            self.assertLess(time.monotonic(), give_up, "the build has not begun")
            time.sleep(0.05)
        self.execute("SET lock_timeout = '5s'; "
                     "INSERT INTO shopping_lists (id, kitchen_id, name) VALUES (2, 1, 'Monday');")
        writer.stdin.write("COMMIT; SELECT 2;\n")
        writer.stdin.flush()
        self.assertEqual(writer.stdout.readline(), "2\n")
        _, err = build.communicate(timeout=60)
        self.assertEqual(build.returncode, 0, err.decode())


class ReferenceOnSqlite(Reference, Sqlite, Case):
    enforce = "PRAGMA foreign_keys = ON;"
    one_active_user = [("1", "1")]

    def definitions(self):
        return dict(self.query("SELECT name, sql FROM sqlite_master WHERE name LIKE 'idx\\_%' ESCAPE '\\'"))

    def search(self, table, word):
        return self.query("SELECT rowid FROM idx_%s_fulltext('%s') ORDER BY rowid" % (table, word))

    def test_each_index_is_the_guides_statement(self):
        self.run_tool("upgrade", "head")
        wanted = {name: sql for name, sql in INDEXES.items() if name not in FULLTEXT}
        made = dict(self.query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
                               " AND tbl_name <> 'migrate_history'"))
        self.assertEqual(made, wanted)

    def test_full_text_tables_stand_for_the_guides_full_text_indexes(self):
        self.run_tool("upgrade", "head")
        made = self.query("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name")
        self.assertEqual({name for (name,) in made}, FULLTEXT)

    def test_full_text_tables_agree_with_their_content_after_many_changes(self):
        self.run_tool("upgrade", "head")
        self.execute(SEED)
        self.execute("""
            UPDATE pantry_items SET id = 77 WHERE id = 1;
            INSERT INTO pantry_items (id, kitchen_id, name) VALUES (2, 1, 'beans')
                ON CONFLICT (id) DO UPDATE SET name = excluded.name;
            UPDATE pantry_items SET quantity = 5;
            DELETE FROM shopping_list_items;""")
        for table in FULLTEXT:
            self.execute("INSERT INTO %s (%s, rank) VALUES ('integrity-check', 1)" % (table, table))
        self.assertEqual(self.search("pantry_items", "beans"), [("2",)])
        self.assertEqual(self.search("pantry_items", "rice"), [("77",)])

    def test_finding_active_users_uses_the_partial_index(self):
        self.run_tool("upgrade", "head")
        plan = self.query("EXPLAIN QUERY PLAN SELECT username FROM users WHERE is_active = true")
        self.assertIncludes(str(plan), "idx_users_active_username")


if __name__ == "__main__":
    main()
