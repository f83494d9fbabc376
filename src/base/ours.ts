/** The marks by which Fairway knows its own kernel objects, and touches no others. */

/** The daemon's own network namespace; any other is the path of a namespace file. */
export const HOST = "host";

/** What the alias (IFLA_IFALIAS) of every link of ours starts with. */
export const ALIAS_PREFIX = "fairway:";

/** `fairway:network:<id>`, `fairway:endpoint:<id>` */
export const aliasOf = (kind: string, id: string): string => `${ALIAS_PREFIX}${kind}:${id}`;
