import type { ProgressJson } from "#api";
import { messageOf } from "#base";
import type { Progress } from "#images";
import { encodeJson } from "./json.ts";
import type { StreamReply } from "./types.ts";

/** A line of progress in Docker's form. */
export const progressJson = ({ id, status, current, total }: Progress): ProgressJson => ({
  status,
  ...(current === undefined ? { progressDetail: {} } : { progressDetail: { current, ...(total === undefined ? {} : { total }) } }),
  ...(id === undefined ? {} : { id }),
});

/**
 * Runs a long operation whose lines are streamed as they come. A failure before the first line is the caller's to answer with a status; a later one is
 * Docker's error line, the status being sent already.
 */
export async function progressStream(run: (line: (line: ProgressJson) => void) => Promise<void>): Promise<StreamReply> {
  const queue: ProgressJson[] = [];
  let finished = false;
  let failure: unknown;
  let wake = () => {};
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const first = more();
  run((line) => {
    queue.push(line);
    wake();
  }).then(
    () => {
      finished = true;
      wake();
    },
    (error: unknown) => {
      finished = true;
      failure = error ?? new Error("unknown failure");
      wake();
    },
  );
  await first;
  if (queue.length === 0 && failure !== undefined) throw failure;
  return {
    contentType: "application/json",
    body: (async function* () {
      for (;;) {
        while (queue.length > 0) yield encodeJson(queue.shift());
        if (finished) break;
        await more();
      }
      if (failure !== undefined) yield encodeJson({ errorDetail: { message: messageOf(failure) }, error: messageOf(failure) });
    })(),
  };
}
