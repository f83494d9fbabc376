import koffi from "koffi";
import { SOL_SOCKET } from "./constants.ts";
import type { Socket } from "./socket.ts";

const SO_ATTACH_FILTER = 26;

/** One instruction of classic BPF, struct sock_filter of linux/filter.h: opcode, jump if true, jump if false, operand. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number];

/** Opcodes of linux/bpf_common.h, as their mnemonics in Documentation/networking/filter.rst. */
export const BPF = {
  ld: 0x20,
  ldb: 0x30,
  ldh: 0x28,
  /** ldh [x + k] */
  ldhx: 0x48,
  /** ldx 4*([k]&0xf) */
  ldxIpHeader: 0xb1,
  jeq: 0x15,
  jset: 0x45,
  ret: 0x06,
} as const;

/** Offsets that load what the kernel knows of a frame instead of its bytes: SKF_AD_OFF and SKF_AD_… of linux/filter.h. */
export const ANCILLARY = {
  /** PACKET_HOST and the others of linux/if_packet.h. */
  packetType: 0xfffff004,
  ifindex: 0xfffff008,
} as const;

/** Lets the kernel drop what a program returns 0 for, before it wakes anyone. @throws SystemError EINVAL when the program is not valid */
export function attachFilter(socket: Socket, program: readonly BpfInstruction[]): void {
  const code = Buffer.alloc(program.length * 8);
  for (const [index, [opcode, jt, jf, k]] of program.entries()) {
    code.writeUInt16LE(opcode, index * 8);
    code.writeUInt8(jt, index * 8 + 2);
    code.writeUInt8(jf, index * 8 + 3);
    code.writeUInt32LE(k, index * 8 + 4);
  }
  // struct sock_fprog: u16 length, then the pointer at the next multiple of 8. The kernel copies the program.
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length, 0);
  header.writeBigUInt64LE(BigInt(koffi.address(code)), 8);
  socket.setOption(SOL_SOCKET, SO_ATTACH_FILTER, header);
}
