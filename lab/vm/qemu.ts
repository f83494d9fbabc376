export interface QemuOptions {
  readonly name: string;
  /** Directory of its sockets, console log and share. */
  readonly directory: string;
  /** What prepare-kernel.sh made. */
  readonly kernelDirectory: string;
  readonly megabytes: number;
  /** Image of its disk, with an ext4 file system that becomes `/data`. Without one `/data` is in memory. */
  readonly disk?: string;
  /** Cables of its network interfaces, `eth0` first. */
  readonly cables: readonly { readonly path: string; readonly mac: string }[];
}

/** Serial ports of a machine: the lab's own, and one for a person while a test runs. */
export const SERIAL_PORTS = ["commands", "debug"] as const;

/** The kernel's command line: quick to boot under emulation, a panic ends the machine. */
const kernelCommandLine = (name: string) =>
  [
    "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check 8250.nr_uarts=1 cryptomgr.notests audit=0 apparmor=0",
    `fairway.name=${name}`,
  ].join(" ");

/** Arguments of qemu-system-x86_64 for a machine with the caller's file tree by 9p, read-only, and cables to a switch. Emulated (TCG), no KVM. */
export function qemuArguments(options: QemuOptions): string[] {
  const { name, directory, kernelDirectory, megabytes, disk, cables } = options;
  // A translation cache of 256 MB: with less the guest is half as quick, with more only memory grows.
  const machine = ["-M", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-smp", "1", "-m", String(megabytes)];
  const bare = ["-nodefaults", "-no-user-config", "-nographic", "-no-reboot"];
  const devices = ["-serial", `file:${directory}/console.log`, "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"];
  const boot = ["-kernel", `${kernelDirectory}/kernel`, "-initrd", `${kernelDirectory}/initramfs.cpio`, "-append", kernelCommandLine(name)];
  const serial = SERIAL_PORTS.flatMap((port) => [
    ...["-chardev", `socket,id=${port},path=${directory}/${port}.sock,server=on,wait=off`],
    ...["-device", `virtserialport,chardev=${port},name=${port}`],
  ]);
  const trees = [
    { tag: "root", path: "/", access: ",readonly=on" },
    { tag: "modules", path: `${kernelDirectory}/modules`, access: ",readonly=on" },
    { tag: "share", path: `${directory}/share`, access: "" },
  ].flatMap(({ tag, path, access }) => [
    ...["-fsdev", `local,id=${tag},path=${path},security_model=none,multidevs=remap${access}`],
    ...["-device", `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ]);
  const nics = cables.flatMap(({ path, mac }, index) => [
    ...["-netdev", `stream,id=n${index},server=off,addr.type=unix,addr.path=${path}`],
    ...["-device", `virtio-net-pci,netdev=n${index},romfile=,mac=${mac}`],
  ]);
  // What the machine has flushed is in this machine's page cache, which a power cut there does not touch.
  const disks = disk ? ["-drive", `file=${disk},if=none,id=disk,format=raw,cache=unsafe`, "-device", "virtio-blk-pci,drive=disk"] : [];
  return [...machine, ...bare, ...devices, ...boot, ...serial, ...trees, ...disks, ...nics];
}
