import { invalid } from "#base";

/*
 * The grammar of image names (distribution's reference package documents it as EBNF):
 *   reference = name [":" tag] ["@" digest];  name = [domain "/"] path-component {"/" path-component}
 */
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const TAG = "\\w[\\w.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const REFERENCE = new RegExp(`^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const ANCHORED_TAG = new RegExp(`^${TAG}$`);

const DEFAULT_DOMAIN = "docker.io";
const OFFICIAL = "library/";
const NAME_LIMIT = 255;

/** A normalised image name: `busybox` is {domain: "docker.io", path: "library/busybox"}. */
export interface ImageName {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const badFormat = (value: string, detail = "") =>
  invalid(`invalid reference format${detail}`, { code: "bad-reference", context: { value } });

/** @throws invalidParameter `bad-reference`, in Docker's words */
export function parseImageName(text: string): ImageName {
  if (/^[0-9a-f]{64}$/.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`, {
      code: "bad-reference",
      context: { value: text },
    });
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  let domain = isDomain ? first : DEFAULT_DOMAIN;
  let rest = isDomain ? text.slice(slash + 1) : text;
  if (domain === "index.docker.io") domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !rest.includes("/")) rest = OFFICIAL + rest;
  const colon = rest.indexOf(":");
  const remote = colon < 0 ? rest : rest.slice(0, colon);
  if (remote.toLowerCase() !== remote) throw badFormat(text, ": repository name must be lowercase");
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (!match) throw badFormat(text);
  const [, name = "", tag, digest] = match;
  if (name.length > NAME_LIMIT)
    throw invalid(`repository name must not be more than ${NAME_LIMIT} characters`, { code: "bad-reference", context: { value: text } });
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw /^sha256:/.test(digest)
      ? invalid("invalid checksum digest length", { code: "bad-reference" })
      : invalid("unsupported digest algorithm", { code: "bad-reference" });
  return {
    domain,
    path: name.slice(domain.length + 1),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

export const isTag = (text: string): boolean => ANCHORED_TAG.test(text);

export const withDefaultTag = (name: ImageName): ImageName =>
  name.tag === undefined && name.digest === undefined ? { ...name, tag: "latest" } : name;

/** `docker.io/library/busybox`: what two references of one repository share. */
export const repositoryOf = (name: ImageName): string => `${name.domain}/${name.path}`;

/** `busybox`, `user/app`, `quay.example/app`: the short spelling users see. */
export function familiarRepository(name: ImageName): string {
  if (name.domain !== DEFAULT_DOMAIN) return repositoryOf(name);
  return name.path.startsWith(OFFICIAL) && !name.path.slice(OFFICIAL.length).includes("/") ? name.path.slice(OFFICIAL.length) : name.path;
}

const suffix = (name: ImageName) => `${name.tag === undefined ? "" : `:${name.tag}`}${name.digest === undefined ? "" : `@${name.digest}`}`;

export const canonicalText = (name: ImageName): string => repositoryOf(name) + suffix(name);
export const familiarText = (name: ImageName): string => familiarRepository(name) + suffix(name);

/** `name` with an optional separate tag or digest, as the API's `repo=` and `tag=` have it. @throws invalidParameter */
export function joinReference(repository: string, tag: string): ImageName {
  const name = parseImageName(repository);
  if (tag === "") return withDefaultTag(name);
  if (/^sha256:/.test(tag)) return parseImageName(`${repository}@${tag}`);
  if (!isTag(tag)) throw invalid("invalid tag format", { code: "bad-reference", context: { value: tag } });
  return { domain: name.domain, path: name.path, tag };
}
