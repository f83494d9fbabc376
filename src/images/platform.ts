import { notFound } from "#base";
import type { ImageView } from "./types.ts";

/** Names `uname -m` has for Go's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64", i386: "386" };

/**
 * Holds an image against `--platform os[/architecture[/variant]]`; what either leaves open fits.
 * @throws notFound in Docker's words, upon which the docker CLI tries to pull
 */
export function checkPlatform(image: ImageView, reference: string, wanted: string): void {
  const [os = "", architecture = "", variant = ""] = wanted.toLowerCase().split("/");
  const name = ARCHITECTURES[architecture] ?? architecture;
  const fits = (asked: string, has: string | undefined) => asked === "" || !has || asked === has;
  if (fits(os, image.os) && fits(name, image.architecture) && fits(variant, image.variant)) return;
  const has = [image.os, image.architecture, image.variant].filter(Boolean).join("/");
  throw notFound(
    `image with reference ${reference} was found but its platform (${has}) does not match the specified platform (${wanted})`,
    {
      code: "wrong-platform",
      context: { reference, wanted, has },
    },
  );
}
