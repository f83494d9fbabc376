import { setTimeout as sleep } from "node:timers/promises";
import { forbidden, messageOf, withoutPrefix } from "#base";
