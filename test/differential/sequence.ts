import * as containers from "./container-operations.ts";
import * as networks from "./network-operations.ts";
import type { Operation } from "./operation.ts";
import { Random } from "./random.ts";
import { Scene } from "./scene.ts";

/** Operations that cost a container start or end are few: they take a hundred times as long as the others. */
const STARTS = 2;

const WEIGHTS = {
  networkCreate: 8,
  networkInspect: 4,
  networkList: 3,
  networkConnect: 5,
  networkDisconnect: 3,
  networkRemove: 3,
  networkPrune: 1,
  networkBad: 0.6,
  create: 7,
  createBad: 0.6,
  start: 5,
  stop: 2,
  kill: 2,
  waitAndKill: 0.7,
  restart: 0.7,
  rename: 1.5,
  pause: 1,
  unpause: 0.7,
  remove: 3,
  inspect: 4,
  list: 3,
  exec: 1.5,
  shortLived: 0.7,
};

/** The sequence of a seed: always the same operations, about 24 of them. */
export function sequence(seed: number): Operation[] {
  const random = new Random(seed);
  const scene = new Scene(random);
  const operations: Operation[] = [networks.createNetwork(scene), containers.createContainer(scene)];
  let starts = 0;
  const length = 16 + random.below(14);
  while (operations.length < length) operations.push(...step());
  return operations;

  function step(): Operation[] {
    const running = scene.containers.filter((container) => container.running);
    const one = running.length > 0 ? random.pick(running) : undefined;
    switch (random.weighted(WEIGHTS)) {
      case "networkCreate":
        return [networks.createNetwork(scene)];
      case "networkInspect":
        return [networks.inspectNetwork(scene)];
      case "networkList":
        return [networks.listNetworks(scene)];
      case "networkConnect":
        return [networks.connect(scene)];
      case "networkDisconnect":
        return [networks.disconnect(scene)];
      case "networkRemove":
        return [networks.removeNetwork(scene)];
      case "networkPrune":
        return [networks.pruneNetworks(scene)];
      case "networkBad":
        return [networks.badNetworkBody(scene)];
      case "create":
        return [containers.createContainer(scene)];
      case "createBad":
        return [containers.badContainerBody(scene)];
      case "start": {
        if (++starts > STARTS) return [];
        const idle = scene.containers.filter((container) => !container.running);
        return [containers.start(scene, idle.length > 0 && random.chance(0.9) ? random.pick(idle) : undefined)];
      }
      case "stop":
        return [containers.stop(scene, one)];
      case "kill":
        return containers.kill(scene, one && random.chance(0.8) ? one : undefined);
      case "waitAndKill":
        return one ? containers.waitAndKill(scene, one) : [];
      case "restart":
        return ++starts > STARTS ? [] : [containers.restart(scene)];
      case "rename":
        return [containers.rename(scene)];
      case "pause":
        return [containers.pause(scene)];
      case "unpause":
        return [containers.unpause(scene)];
      case "remove":
        return [containers.remove(scene)];
      case "inspect":
        return [containers.inspect(scene)];
      case "list":
        return [containers.list(scene)];
      case "exec":
        return containers.exec(scene, one);
      case "shortLived": {
        if (++starts > STARTS) return [];
        const created = containers.createContainer(scene, random.pick([["true"], ["sh", "-c", "exit 3"]]));
        const container = scene.containers.at(-1)!;
        const started = containers.start(scene, container);
        container.running = false;
        return [created, started, { kind: "container wait", method: "POST", path: `/containers/{${created.handle}}/wait` }];
      }
    }
  }
}
