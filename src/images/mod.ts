/** `images`: the content store, unpacked layers and everything docker says about images. */
export { diffTar } from "./commit.ts";
export * from "./filters.ts";
export * from "./images.ts";
export * from "./json.ts";
export { checkPlatform } from "./platform.ts";
export { familiarText, type ImageName, joinReference, parseImageName, repositoryOf, withDefaultTag } from "./reference.ts";
export * from "./types.ts";
