import { notFound } from "#base";
import type { Images, ImageView } from "#images";

/** Two images of no bytes, for tests of the server. */
export class FakeImages {
  readonly calls: (readonly unknown[])[] = [];
  /** Bytes that came in by load and import. */
  received = 0;
  readonly all: ImageView[] = [image("busybox:latest", "a"), image("10.0.0.1:5000/team/app:v1", "b")];

  find(reference: string): ImageView {
    const found = this.all.find(
      ({ id, repoTags }) => id === reference || repoTags.includes(reference) || repoTags.includes(`${reference}:latest`),
    );
    if (!found) throw notFound(`No such image: ${reference.includes(":") ? reference : `${reference}:latest`}`);
    return found;
  }
  list = () => this.all;
  lowerDirs = () => [];
  async tag(source: string, target: string) {
    this.find(source);
    this.calls.push(["tag", source, target]);
  }
  async remove(reference: string, options: unknown) {
    this.calls.push(["remove", reference, options]);
    return [{ Untagged: this.find(reference).repoTags[0] ?? "" }];
  }
  async importTar(tar: AsyncIterable<Uint8Array>, options: unknown) {
    await this.#read(tar);
    this.calls.push(["importTar", options]);
    return `sha256:${"c".repeat(64)}`;
  }
  async load(
    tar: AsyncIterable<Uint8Array>,
    onProgress: (progress: { id: string; status: string; current: number; total: number }) => void,
  ) {
    onProgress({ id: "abc", status: "Loading layer", current: 1, total: 2 });
    await this.#read(tar);
    return ["Loaded image: busybox:latest"];
  }
  async save(references: readonly string[]) {
    this.calls.push(["save", references]);
    for (const reference of references) this.find(reference);
    return (async function* () {
      for (let index = 0; index < 8; index++) yield Buffer.alloc(1 << 16, index);
    })();
  }
  history(reference: string) {
    this.find(reference);
    return [{ Id: "sha256:1", Created: 1, CreatedBy: "sh", Tags: null, Size: 1, Comment: "" }];
  }
  async prune(options: unknown) {
    this.calls.push(["prune", options]);
    return { deleted: [], bytes: 0 };
  }
  onEvent = () => () => {};

  get door(): Images {
    return this as unknown as Images;
  }

  async #read(tar: AsyncIterable<Uint8Array>) {
    for await (const chunk of tar) this.received += chunk.length;
  }
}

function image(tag: string, digit: string): ImageView {
  return {
    id: `sha256:${digit.repeat(64)}`,
    repoTags: [tag],
    repoDigests: [],
    created: "2026-11-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    author: "",
    comment: "",
    config: { Cmd: ["sh"], Labels: { tier: digit } },
    history: [],
    layers: [],
    size: 1000,
    parent: "",
    dockerVersion: "",
  };
}
