/** `images`: the content store, unpacked layers and everything docker says about images. */
export * from "./images.ts";
export * from "./types.ts";
