/** Writes docs/differences.md from the tables. */
import { writeFileSync } from "node:fs";
import { DOCUMENT_PATH, renderDocument } from "./document.ts";

writeFileSync(DOCUMENT_PATH, renderDocument());
