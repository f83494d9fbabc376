import koffi from "koffi";

/** A C library other than libc: `library.bind<(flags: number) => unknown>("void *nft_ctx_new(uint32_t flags)")`. */
export interface SharedLibrary {
  /** A function by its C declaration (koffi's syntax), bound at once. @throws Error when the library has none of that name */
  bind<F extends (...values: never[]) => unknown>(declaration: string): F;
}

/** Loads a shared library by soname, as `libnftables.so.1`. @throws Error when it is not installed */
export function loadLibrary(soname: string): SharedLibrary {
  const handle = koffi.load(soname);
  return { bind: (declaration) => handle.func(declaration) as never };
}
