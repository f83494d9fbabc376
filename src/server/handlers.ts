import type { BodyOf, EndpointName, Endpoints, QueryOf } from "#api";
import { containerIoHandlers } from "./handlers/container-io.ts";
import { containerHandlers } from "./handlers/containers.ts";
import { execHandlers } from "./handlers/exec.ts";
import { imageHandlers } from "./handlers/images.ts";
import { networkHandlers } from "./handlers/networks.ts";
import { swarmHandlers } from "./handlers/swarm.ts";
import { systemHandlers } from "./handlers/system.ts";
import { volumeHandlers } from "./handlers/volumes.ts";
import type { Call, HandlerContext, HijackReply, StreamReply } from "./types.ts";

type ResultOf<E> = E extends { reply: { kind: "hijack" } }
  ? HijackReply
  : E extends { reply: { kind: "stream" } }
    ? StreamReply
    : E extends { reply: { kind: "json"; type?: infer R } }
      ? R
      : // biome-ignore lint/suspicious/noConfusingVoidType: handlers without an answer return nothing
        void;

/** One handler an endpoint of the table: a missing one is a type error. */
export type Handlers = {
  readonly [N in EndpointName]: (call: Call<QueryOf<Endpoints[N]>, BodyOf<Endpoints[N]>>) => Promise<ResultOf<Endpoints[N]>>;
};

export function allHandlers(context: HandlerContext): Handlers {
  return {
    ...systemHandlers(context),
    ...networkHandlers(context),
    ...containerHandlers(context),
    ...containerIoHandlers(context),
    ...execHandlers(context),
    ...imageHandlers(context),
    ...volumeHandlers(context),
    ...swarmHandlers(),
  };
}
