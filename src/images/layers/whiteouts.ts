import {
  encodePaxBlocks,
  encodeTarEntryHead,
  type PaxRecords,
  paddingOf,
  readTar,
  TAR_END,
  type TarEntry,
  type TarHeader,
  TarType,
  tarHeader,
} from "../tar/mod.ts";
import { memberName, splitMember } from "./member-name.ts";

/*
 * A deletion in a layer has two spellings. OCI image spec, layer.md "Whiteouts": an empty file `.wh.NAME` beside the deleted name, and
 * `.wh..wh..opq` in a directory whose lower content is hidden. Linux Documentation/filesystems/overlayfs.rst "whiteouts and opaque directories": a
 * character device 0/0 called NAME, and the extended attribute trusted.overlay.opaque=y on the directory. Both directions are translations of a
 * tar stream, so that system tar makes the devices and attributes and nothing else on the machine is needed (setfattr is not).
 */
const PREFIX = ".wh.";
const OPAQUE = ".wh..wh..opq";
const META_PREFIX = ".wh..wh.";
const OPAQUE_XATTR = "SCHILY.xattr.trusted.overlay.opaque";
const OVERLAY_XATTR = /^SCHILY\.xattr\.(trusted|user)\.overlay\./;

export interface LayerFacts {
  /** Bytes of the unpacked files, symlinks counted by the length of their target: what dockerd's overlay2 measures. */
  size: number;
}

async function* padded(entry: TarEntry): AsyncGenerator<Uint8Array> {
  yield* entry.body;
  const padding = paddingOf(entry.header.size);
  if (padding > 0) yield new Uint8Array(padding);
}

/** The entry's header blocks with clean names and without the records that `drop` picks. */
function rewrittenHead(entry: TarEntry, name: string, linkName: string, drop: (key: string) => boolean): Uint8Array {
  const dropped = [...entry.pax.keys()].some(drop);
  if (name === entry.header.name && linkName === entry.header.linkName && !dropped) return entry.raw;
  const records = new Map([...entry.pax].filter(([key]) => !drop(key)));
  records.set("path", name);
  if (linkName !== "") records.set("linkpath", linkName);
  return Buffer.concat([encodePaxBlocks(records), entry.mainBlocks]);
}

/**
 * An OCI layer stream as system tar should unpack it into an overlayfs lower directory: whiteouts in the kernel's spelling, names that stay inside.
 * Fills `facts` on the way.
 * @throws invalidParameter for a bad tar or a name that leaves the root
 */
export async function* toOverlay(layer: AsyncIterable<Uint8Array>, facts: LayerFacts): AsyncGenerator<Uint8Array> {
  const directories = new Map<string, { header: TarHeader; pax: PaxRecords }>();
  // A name may come twice, and the last one counts.
  const sizes = new Map<string, number>();
  for await (const entry of readTar(layer)) {
    const name = memberName(entry.header.name);
    const [directory, base] = splitMember(name);
    if (base === OPAQUE) {
      // Repeats the directory's own header if it was seen, so that its mode and owner stay.
      const seen = directories.get(directory) ?? { header: tarHeader({ name: directory, type: TarType.directory }), pax: new Map() };
      yield encodeTarEntryHead(
        { ...seen.header, name: directory, size: 0 },
        new Map([...seen.pax, ["path", directory], [OPAQUE_XATTR, "y"]]),
      );
      directories.set(directory, { header: seen.header, pax: new Map([...seen.pax, [OPAQUE_XATTR, "y"]]) });
      continue;
    }
    if (base.startsWith(META_PREFIX) || name.startsWith(META_PREFIX)) continue;
    if (base.startsWith(PREFIX)) {
      const deleted = directory === "." ? base.slice(PREFIX.length) : `${directory}/${base.slice(PREFIX.length)}`;
      if (base.length > PREFIX.length)
        yield encodeTarEntryHead(tarHeader({ name: memberName(deleted), type: TarType.charDevice, mode: 0 }));
      continue;
    }
    const { type } = entry.header;
    if (type === TarType.directory) {
      const opaque = directories.get(name)?.pax.get(OPAQUE_XATTR);
      const pax = opaque === undefined ? entry.pax : new Map([...entry.pax, [OPAQUE_XATTR, opaque]]);
      directories.set(name, { header: entry.header, pax });
      if (opaque !== undefined) {
        yield Buffer.concat([encodePaxBlocks(new Map([...pax, ["path", name]])), entry.mainBlocks]);
        continue;
      }
    }
    const bytes = type === TarType.symlink ? entry.header.linkName.length : entry.header.size;
    facts.size += bytes - (sizes.get(name) ?? 0);
    sizes.set(name, bytes);
    const linkName = type === TarType.hardLink ? memberName(entry.header.linkName) : entry.header.linkName;
    yield rewrittenHead(entry, name, linkName, (key) => OVERLAY_XATTR.test(key));
    yield* padded(entry);
  }
  yield TAR_END;
}

/** The way back: a tar of an overlayfs upper directory, made with its attributes, as an OCI layer stream. */
export async function* fromOverlay(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const entry of readTar(tar)) {
    const name = memberName(entry.header.name);
    const { header } = entry;
    if (name === ".") continue;
    if (header.type === TarType.charDevice && header.devMajor === 0 && header.devMinor === 0) {
      const [directory, base] = splitMember(name);
      yield encodeTarEntryHead(
        tarHeader({
          name: directory === "." ? `${PREFIX}${base}` : `${directory}/${PREFIX}${base}`,
          type: TarType.file,
          mtime: header.mtime,
        }),
      );
      continue;
    }
    const isDirectory = header.type === TarType.directory;
    const linkName = header.type === TarType.hardLink ? memberName(header.linkName) : header.linkName;
    yield rewrittenHead(entry, isDirectory ? `${name}/` : name, linkName, (key) => OVERLAY_XATTR.test(key));
    yield* padded(entry);
    if (isDirectory && entry.pax.get(OPAQUE_XATTR) === "y")
      yield encodeTarEntryHead(tarHeader({ name: `${name}/${OPAQUE}`, type: TarType.file, mtime: header.mtime }));
  }
  yield TAR_END;
}
