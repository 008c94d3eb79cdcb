/** A program for tests: brings the database up to date with the migrations of a folder, and says so before and after. */
import { DatabaseSync } from "node:sqlite";
import { migrate } from "./migrate.ts";

const [file = "", folder = ""] = process.argv.slice(2);
const database = new DatabaseSync(file);
database.exec("PRAGMA journal_mode = WAL");
process.stdout.write("begins\n");
migrate(database, folder);
process.stdout.write("done\n");
database.close();
