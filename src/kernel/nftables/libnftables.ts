import { FairwayError } from "#base";
import { loadLibrary, type SharedLibrary } from "#kernel/ffi";
import { enter, type NamespaceHandle } from "#kernel/netns";
import type { ChainRef } from "./chain.ts";

type Context = unknown;

interface Library {
  newContext(flags: number): Context;
  freeContext(context: Context): void;
  setOutput(context: Context, flags: number): void;
  bufferOutput(context: Context): number;
  bufferError(context: Context): number;
  output(context: Context): string;
  error(context: Context): string;
  run(context: Context, commands: string): number;
}

const NFT_CTX_OUTPUT_JSON = 1 << 4;

// A shared library is loaded once in a process.
const loaded: { library: Library | undefined } = { library: undefined };

/** @throws FairwayError unavailable when libnftables is not installed */
function library(): Library {
  if (loaded.library) return loaded.library;
  let file: SharedLibrary;
  try {
    file = loadLibrary("libnftables.so.1");
  } catch (cause) {
    throw new FairwayError("unavailable", "Cannot load libnftables.so.1: install the Debian package libnftables1", {
      code: "no-libnftables",
      cause,
    });
  }
  loaded.library = {
    newContext: file.bind("void *nft_ctx_new(uint32_t flags)"),
    freeContext: file.bind("void nft_ctx_free(void *ctx)"),
    setOutput: file.bind("void nft_ctx_output_set_flags(void *ctx, uint32_t flags)"),
    bufferOutput: file.bind("int nft_ctx_buffer_output(void *ctx)"),
    bufferError: file.bind("int nft_ctx_buffer_error(void *ctx)"),
    output: file.bind("const char *nft_ctx_get_output_buffer(void *ctx)"),
    error: file.bind("const char *nft_ctx_get_error_buffer(void *ctx)"),
    run: file.bind("int nft_run_cmd_from_buffer(void *ctx, const char *buf)"),
  };
  return loaded.library;
}

function run(commands: string, namespace: string | NamespaceHandle, flags = 0): string {
  const nft = library();
  // The context opens its netlink socket when it is made, so all of its life is inside the namespace.
  return enter(namespace, () => {
    const context = nft.newContext(0);
    if (!context) throw new FairwayError("unavailable", "Cannot open nftables: no netlink socket", { code: "nft-failed" });
    try {
      nft.setOutput(context, flags);
      nft.bufferOutput(context);
      nft.bufferError(context);
      const status = nft.run(context, commands);
      if (status !== 0) {
        const text = nft.error(context).trim();
        throw new FairwayError("internal", `Cannot run nftables commands: ${text || `status ${status}`}`, {
          code: "nft-failed",
          context: { error: text },
        });
      }
      return nft.output(context);
    } finally {
      nft.freeContext(context);
    }
  });
}

/** Runs the text of an nft file as one transaction. @throws FairwayError with nft's own error text */
export function loadRuleset(text: string, namespace: string | NamespaceHandle = "host"): void {
  run(text, namespace);
}

/** `nft list ruleset`, or `nft -j list ruleset`. */
export const listRuleset = (namespace: string | NamespaceHandle = "host", json = false): string =>
  run("list ruleset", namespace, json ? NFT_CTX_OUTPUT_JSON : 0);

/** `nft list chain`: text that `loadRuleset` takes. */
export const listChain = ({ family, table, chain }: ChainRef, namespace: string | NamespaceHandle = "host"): string =>
  run(`list chain ${family} ${table} ${chain}`, namespace);
