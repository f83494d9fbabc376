import { minorOf, type ProgressJson } from "#api";
import { invalid, notImplemented } from "#base";
import { imageInspectJson, imageSummaryJson, pruneConditions, selectImages } from "#images";
import { bytesOf } from "../body.ts";
import type { Handlers } from "../handlers.ts";
import { progressJson, progressStream } from "../progress.ts";
import { onePruneAtATime } from "../prune.ts";
import type { HandlerContext, StreamReply } from "../types.ts";

type ImageHandlers = Pick<
  Handlers,
  | "imageList"
  | "imageCreate"
  | "imageInspect"
  | "imageHistory"
  | "imagePush"
  | "imageTag"
  | "imageDelete"
  | "imageSearch"
  | "imagePrune"
  | "imageGet"
  | "imageGetAll"
  | "imageLoad"
  | "distributionInspect"
>;

const NO_REGISTRY = "pull is not supported yet: this daemon has no registry client. Load an image with docker load or docker import";

export function imageHandlers({ images, containers, events, now }: HandlerContext): ImageHandlers {
  const prune = onePruneAtATime();
  const clock = () => (now?.() ?? new Date()).getTime();
  const inUse = (imageId: string) => containers.usersOfImage(imageId);
  const save = async (names: readonly string[]): Promise<StreamReply> => ({
    contentType: "application/x-tar",
    body: await images.save(names),
  });
  return {
    imageList: async ({ query, version }) =>
      selectImages(images, { all: query.all, filters: query.filters, now: clock() }).map((image) =>
        imageSummaryJson(image, { minor: minorOf(version) }),
      ),
    async imageCreate({ query, request }) {
      if (query.fromImage) {
        const auth = headerText(request.headers["x-registry-auth"]);
        if (!images.pull) throw notImplemented(NO_REGISTRY, { code: "no-registry" });
        const wanted = {
          image: query.fromImage,
          ...(query.tag ? { tag: query.tag } : {}),
          ...(query.platform ? { platform: query.platform } : {}),
          ...auth,
        };
        return progressStream((line) => images.pull!(wanted, line));
      }
      if (query.fromSrc !== "-")
        throw notImplemented(`import from a URL is not supported: fetch ${query.fromSrc ?? "it"} and pipe it to docker import -`);
      const { repo, tag, message, changes } = query;
      return progressStream(async (line) => {
        const options = {
          ...(repo ? { repository: repo } : {}),
          ...(tag ? { tag } : {}),
          ...(message ? { message } : {}),
          changes,
        };
        line({ status: await images.importTar(bytesOf(request), options) });
      });
    },
    async imageInspect({ params, version }) {
      const image = images.find(params.name!);
      return imageInspectJson(image, { minor: minorOf(version), directories: images.lowerDirs(image.id) });
    },
    imageHistory: async ({ params }) => images.history(params.name!),
    async imagePush({ params, query, request }) {
      if (!images.push) throw notImplemented("push is not supported yet: this daemon has no registry client", { code: "no-registry" });
      const wanted = {
        image: params.name!,
        ...(query.tag ? { tag: query.tag } : {}),
        ...headerText(request.headers["x-registry-auth"]),
      };
      return progressStream((line) => images.push!(wanted, line));
    },
    async imageTag({ params, query }) {
      if (!query.repo) throw invalid("repository name must have at least one component", { code: "no-repository" });
      await images.tag(params.name!, query.tag ? `${query.repo}:${query.tag}` : query.repo);
    },
    imageDelete: async ({ params, query }) => images.remove(params.name!, { force: query.force, noPrune: query.noprune, inUse }),
    async imageSearch({ query }) {
      if (!images.search) throw notImplemented("search is not supported yet: this daemon has no registry client", { code: "no-registry" });
      return images.search(query.term ?? "", query.limit);
    },
    async imagePrune({ query }) {
      const selection = pruneConditions(query.filters, clock());
      return prune(async () => {
        const used = new Set(
          images
            .list()
            .filter((image) => inUse(image.id).length > 0)
            .map((image) => image.id),
        );
        const { deleted, bytes } = await images.prune({ ...selection, inUse: used });
        events.pruned("image", bytes);
        return { ImagesDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: bytes };
      });
    },
    imageGet: async ({ params }) => save([params.name!]),
    imageGetAll: async ({ query }) => save(query.names.flatMap((names) => names.split(","))),
    async imageLoad({ query, request }) {
      return progressStream(async (line: (line: ProgressJson) => void) => {
        const loaded = await images.load(bytesOf(request), (progress) => {
          if (!query.quiet) line(progressJson(progress));
        });
        for (const text of loaded) line({ stream: `${text}\n` });
      });
    },
    async distributionInspect({ params, request }) {
      if (!images.distribution) throw notImplemented(NO_REGISTRY, { code: "no-registry" });
      return images.distribution(params.name!, headerText(request.headers["x-registry-auth"]).auth);
    },
  };
}

const headerText = (value: string | string[] | undefined): { auth?: string } =>
  typeof value === "string" && value !== "" ? { auth: value } : {};
