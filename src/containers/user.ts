import { invalid } from "#base";
import { readInRoot } from "./rootpath.ts";

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: number[];
  readonly home: string;
}

/** The text of passwd(5) and group(5), empty when the image has none. */
export interface UserFiles {
  readonly passwd: string;
  readonly group: string;
}

const MAX_ID = 2 ** 31 - 1;

export function readUserFiles(rootfs: string): UserFiles {
  return { passwd: readInRoot(rootfs, "/etc/passwd") ?? "", group: readInRoot(rootfs, "/etc/group") ?? "" };
}

const lines = (text: string): string[][] => text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim().split(":")]));
const isNumber = (text: string): boolean => /^-?\d+$/.test(text);

const idOf = (text: string): number => {
  const id = Number(text);
  if (id < 0 || id > MAX_ID) throw invalid(`uids and gids must be in range 0-${MAX_ID}`, { code: "bad-user" });
  return id;
};

/**
 * `user[:group]`, names or numbers, against the image's own files.
 * @param groupAdd `--group-add`: names or numbers
 * @throws invalidParameter in runc's and Docker's words when a name is not there
 */
export function lookupUser(files: UserFiles, wanted: string, groupAdd: readonly string[] = []): ContainerUser {
  const [userText = "", groupText = ""] = wanted.split(":", 2) as [string, string?];
  const users = lines(files.passwd);
  const groups = lines(files.group);
  let entry: string[] | undefined;
  if (userText === "") entry = users.find((fields) => fields[2] === "0");
  else
    entry =
      users.find((fields) => fields[0] === userText) ?? (isNumber(userText) ? users.find((fields) => fields[2] === userText) : undefined);
  if (!entry && userText !== "" && !isNumber(userText))
    throw invalid(`unable to find user ${userText}: no matching entries in passwd file`, { code: "no-user", context: { user: userText } });
  const uid = entry ? idOf(entry[2] ?? "0") : userText === "" ? 0 : idOf(userText);
  let gid = entry ? idOf(entry[3] ?? "0") : 0;
  const additional = new Set<number>();
  if (groupText !== "") gid = groupId(groups, groupText);
  else if (entry) for (const fields of groups) if ((fields[3] ?? "").split(",").includes(entry[0]!)) additional.add(Number(fields[2]));
  // Docker hands the runtime the primary group among the additional ones, so that dropping it needs setgroups (CVE-2022-36109).
  const gids = new Set<number>([gid, ...additional]);
  for (const group of groupAdd) gids.add(groupId(groups, group));
  return { uid, gid, additionalGids: [...gids], home: entry?.[5] || (uid === 0 ? "/root" : "/") };
}

function groupId(groups: readonly string[][], text: string): number {
  const entry = groups.find((fields) => fields[0] === text);
  if (entry) return idOf(entry[2] ?? "0");
  if (isNumber(text)) return idOf(text);
  throw invalid(`unable to find group ${text}: no matching entries in group file`, { code: "no-group", context: { group: text } });
}
