import { bareDriver } from "../bare-driver.ts";

/** The daemon's own namespace. */
export const hostDriver = bareDriver("host");
