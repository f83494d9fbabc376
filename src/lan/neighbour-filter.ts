import { BPF, type BpfInstruction } from "#kernel/ffi";

/** Neighbour solicitations and advertisements of an IPv6 packet socket; on a busy link everything else stays in the kernel. */
export const NEIGHBOUR_FILTER: readonly BpfInstruction[] = [
  [BPF.ldb, 0, 0, 6],
  [BPF.jeq, 0, 4, 58],
  [BPF.ldb, 0, 0, 40],
  [BPF.jeq, 1, 0, 135],
  [BPF.jeq, 0, 1, 136],
  [BPF.ret, 0, 0, 0xffff],
  [BPF.ret, 0, 0, 0],
];
