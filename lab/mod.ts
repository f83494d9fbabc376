/** `lab`: hosts as network namespaces, switches between them, daemons on them, and who can ping whom. For tests, benches and the demo; needs root. */
export * from "./box.ts";
export * from "./daemon.ts";
export * from "./docker-cli.ts";
export * from "./host.ts";
export * from "./image.ts";
export * from "./lab.ts";
export * from "./matrix.ts";
export * from "./process.ts";
export * from "./state.ts";
export * from "./vm/ethernet-switch.ts";
export * from "./vm/forwarding.ts";
export * from "./vm/machine.ts";
export * from "./vm/vm-lab.ts";
