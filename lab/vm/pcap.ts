import { closeSync, openSync, writeSync } from "node:fs";

/**
 * Writes a capture file that tcpdump and wireshark read (pcap 2.4, microseconds, LINKTYPE_ETHERNET).
 *   file:  0 magic  4 major  6 minor  8 zone  12 accuracy  16 longest  20 link type
 *   frame: 0 seconds  4 microseconds  8 captured bytes  12 bytes on the wire
 */
export class PcapWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "w");
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65535, 16);
    header.writeUInt32LE(1, 20);
    writeSync(this.#file, header);
  }

  write(frame: Buffer, milliseconds: number = Date.now()): void {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(Math.floor(milliseconds / 1000), 0);
    header.writeUInt32LE((milliseconds % 1000) * 1000, 4);
    header.writeUInt32LE(frame.length, 8);
    header.writeUInt32LE(frame.length, 12);
    writeSync(this.#file, Buffer.concat([header, frame]));
  }

  close(): void {
    closeSync(this.#file);
  }
}
