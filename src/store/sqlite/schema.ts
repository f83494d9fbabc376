import type { DatabaseSync } from "node:sqlite";
import { FairwayError } from "#base";

/** `PRAGMA application_id` of every store file: "FWAY". It tells our file from anybody else's. */
const APPLICATION_ID = 0x46574159;

/** What each schema version does to the one before it. Never edited once released; only appended to. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE record (key TEXT PRIMARY KEY NOT NULL, json TEXT NOT NULL, revision INTEGER NOT NULL, lease TEXT) STRICT, WITHOUT ROWID;
   CREATE INDEX record_lease ON record (lease) WHERE lease IS NOT NULL;
   CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO counter VALUES ('revision', 0);`,
];

const SCHEMA_VERSION = MIGRATIONS.length;

const numberOf = (database: DatabaseSync, sql: string): number => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);

/** Tells a new file from ours, before anything of it is changed. @throws FairwayError `store-foreign` for another program's */
export function identify(database: DatabaseSync, path: string): "new" | "ours" {
  const application = numberOf(database, "PRAGMA application_id");
  if (application === APPLICATION_ID) return "ours";
  const tables = numberOf(database, "SELECT count(*) FROM sqlite_schema");
  if (application === 0 && tables === 0) return "new";
  throw new FairwayError("internal", `Cannot open store "${path}": it is another program's SQLite database; give another --data-root`, {
    code: "store-foreign",
    context: { path, applicationId: application, tables },
  });
}

/** Makes or updates the schema; to be run inside a transaction. @throws FairwayError `store-too-new` */
export function migrate(database: DatabaseSync, path: string, kind: "new" | "ours"): void {
  if (kind === "new") {
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec("CREATE TABLE schema_migration (version INTEGER PRIMARY KEY NOT NULL, applied TEXT NOT NULL) STRICT");
  }
  const version = numberOf(database, "SELECT max(version) FROM schema_migration");
  if (version > SCHEMA_VERSION)
    throw new FairwayError(
      "internal",
      `Cannot open store "${path}": its schema is version ${version}, this Fairway knows up to ${SCHEMA_VERSION}; start the newer one that wrote it`,
      { code: "store-too-new", context: { path, version, supported: SCHEMA_VERSION } },
    );
  const record = database.prepare("INSERT INTO schema_migration VALUES (?, ?)");
  for (let next = version; next < SCHEMA_VERSION; next++) {
    database.exec(MIGRATIONS[next]!);
    record.run(next + 1, new Date().toISOString());
  }
}
