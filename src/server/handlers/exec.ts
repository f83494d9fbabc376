import { invalid } from "#base";
import type { ExecConfig } from "#containers";
import type { Handlers } from "../handlers.ts";
import { serveSession } from "../hijack.ts";
import type { HandlerContext } from "../types.ts";
import { cells } from "./containers.ts";

type ExecHandlers = Pick<Handlers, "execCreate" | "execStart" | "execResize" | "execInspect">;

/** `docker exec`. */
export function execHandlers({ containers }: HandlerContext): ExecHandlers {
  return {
    async execCreate({ params, body }) {
      if ((body.Cmd ?? []).length === 0) throw invalid("no exec command specified", { code: "no-command" });
      const { ConsoleSize, Detach: _, ...config } = body;
      return containers.execCreate(params.id!, { ...config, ...consoleSize(ConsoleSize) } satisfies ExecConfig);
    },
    async execStart({ params, body }) {
      const options = { detach: body.Detach === true, tty: body.Tty === true, ...consoleSize(body.ConsoleSize) };
      if (body.ConsoleSize && !body.Tty) throw invalid("console size is only supported with a tty", { code: "no-tty" });
      const session = await containers.execStart(params.id!, options);
      if (!session) return undefined;
      return { multiplexed: !session.tty, serve: (socket) => serveSession(socket, session) };
    },
    execResize: async ({ params, query }) => containers.execResize(params.id!, cells(query.h), cells(query.w)),
    execInspect: async ({ params }) => containers.execInspect(params.id!),
  };
}

/** Rows and columns, or nothing. @throws invalidParameter for anything but two numbers */
function consoleSize(size: readonly number[] | undefined): { consoleSize?: [number, number] } {
  if (!size) return {};
  const [rows, columns] = size;
  if (size.length !== 2 || rows === undefined || columns === undefined) throw invalid("invalid console size", { code: "bad-console-size" });
  return { consoleSize: [rows, columns] };
}
