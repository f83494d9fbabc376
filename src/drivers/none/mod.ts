import { bareDriver } from "../bare-driver.ts";

/** A namespace of its own with nothing but lo. Docker's driver name for it is `null`. */
export const noneDriver = bareDriver("null");
