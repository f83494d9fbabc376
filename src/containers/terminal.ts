import { closeSync, constants, openSync, writeSync } from "node:fs";
import { internal, invalid, messageOf } from "#base";

/** conmon's word for a resize in its `ctl` fifo; the line is `type height width`. */
const RESIZE = 1;

/** Sets the size of a process's terminal. @param directory where conmon made `ctl` */
export function resizeTerminal(directory: string, height: number, width: number): void {
  if (!Number.isInteger(height) || !Number.isInteger(width) || height < 0 || width < 0 || height > 65535 || width > 65535)
    throw invalid(`invalid terminal size ${height} by ${width}`, { code: "bad-size" });
  try {
    const fifo = openSync(`${directory}/ctl`, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fifo, `${RESIZE} ${height} ${width}\n`);
    } finally {
      closeSync(fifo);
    }
  } catch (error) {
    throw internal(`Cannot resize the terminal: ${messageOf(error)}`, { cause: error });
  }
}
