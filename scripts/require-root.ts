/** Ends the program where it is not root. @param what the program cannot do, as "Cannot …: it makes network namespaces" */
export function requireRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  console.error(`${what}, which needs root.`);
  process.exit(1);
}
