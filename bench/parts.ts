import type { Part } from "./part.ts";
import { attach } from "./parts/attach.ts";
import { crowd } from "./parts/crowd.ts";
import { dns } from "./parts/dns.ts";
import { macvlan } from "./parts/macvlan.ts";
import { memory } from "./parts/memory.ts";
import { network } from "./parts/network.ts";
import { publish } from "./parts/publish.ts";
import { scale } from "./parts/scale.ts";
import { many, share } from "./parts/share.ts";
import { start } from "./parts/start.ts";
import { latency, throughput } from "./parts/traffic.ts";

/** In the order they are run. Memory comes first: a daemon that has worked keeps some. */
export const PARTS: readonly Part[] = [
  memory,
  network,
  attach,
  start,
  macvlan,
  share,
  dns,
  publish,
  throughput,
  latency,
  scale,
  many,
  crowd,
];
