import type { Part } from "./part.ts";
import { attach } from "./parts/attach.ts";
import { network } from "./parts/network.ts";
import { start } from "./parts/start.ts";

/** In the order they are run: the small first. */
export const PARTS: readonly Part[] = [network, attach, start];
