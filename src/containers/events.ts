import type { Container } from "./container.ts";
import { nowNano } from "./record.ts";
import type { ContainerEvent } from "./types.ts";

/** Tells listeners what happens to containers, with the attributes Docker's Actor has. */
export class Events {
  readonly #listeners = new Set<(event: ContainerEvent) => void>();

  on(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(action: string, { record }: Container, extra: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...record.config.Labels, ...extra, image: record.image, name: record.name };
    const event: ContainerEvent = { action, containerId: record.id, attributes, timeNano: nowNano() };
    for (const listener of this.#listeners) listener(event);
  }
}
