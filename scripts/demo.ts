/**
 * `npm run demo`: a host of the lab with fairwayd, driven by the docker CLI, and a client beyond it. Prints every command and what it printed.
 * (`LAB_DAEMON=dockerd` walks the same way with Debian's dockerd.)
 */
import { type Host, Lab } from "#lab";
import { requireRoot } from "./require-root.ts";

requireRoot("Cannot run the demo: it makes network namespaces and containers");
const reference = process.env.LAB_DAEMON === "dockerd";
const started = performance.now();
let failures = 0;

const say = (text: string) => console.log(`\n\x1b[1m# ${text}\x1b[0m`);

interface Expectation {
  /** The command must fail. */
  fails?: boolean;
  /** What must be in the output. */
  shows?: RegExp;
}

async function type(host: Host, command: string, expectation: Expectation = {}): Promise<string> {
  console.log(`${host.name}$ ${command}`);
  const result = command.startsWith("docker ")
    ? await host.docker(command.slice("docker ".length), { allowFailure: true })
    : await host.exec(command, { allowFailure: true });
  const output = `${result.stdout}${result.stderr}`.trimEnd();
  if (output) console.log(output.replace(/^/gm, "  "));
  if ((result.code !== 0) !== (expectation.fails ?? false) || (expectation.shows && !expectation.shows.test(output))) {
    failures++;
    console.log(`  ^ exit status ${result.code}: this is not what the demo expects${expectation.shows ? ` (${expectation.shows})` : ""}`);
  }
  return output;
}

{
  say("A host (192.168.56.11) and a client beyond it (192.168.56.1), made of namespaces: the machine's own network is not touched");
  using lab = await Lab.create({ hosts: ["host"], outside: true });
  const host = lab.host("host");
  const outside = lab.outside;
  const before = await host.state();
  await (reference ? host.startDockerd() : host.startDaemon());
  await host.importBusybox();
  await type(host, "docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})'");
  await type(host, "docker images", { shows: /busybox/ });

  say("Two networks, three containers");
  await type(host, "docker network create front", { shows: /^[0-9a-f]{64}$/ });
  await type(host, "docker network create --subnet 10.20.0.0/24 back");
  const serve = "sh -c 'echo hello from web >index.html; exec httpd -f -p 80'";
  await type(host, `docker run -d --name web --network front -w /var/www -p 8080:80 busybox ${serve}`);
  await type(host, "docker run -d --name client --network front busybox sleep 600");
  await type(host, "docker run -d --name db --network back --ip 10.20.0.5 --network-alias database busybox sleep 600");
  await type(host, "docker network ls", { shows: /back/ });
  await type(host, "docker exec client ip addr show eth0", { shows: /172\.18\.0\.3\/16/ });

  say("Names resolve on a network, and networks are isolated from one another");
  await type(host, "docker exec client ping -c 2 web", { shows: /2 packets received/ });
  await type(host, "docker exec client ping -c 1 -W 1 db", { fails: true, shows: /bad address/ });
  await type(host, "docker exec client ping -c 1 -W 1 10.20.0.5", { fails: true, shows: /0 packets received/ });

  say("A running container joins another network");
  await type(host, "docker network connect back web");
  await type(host, "docker exec web ping -c 2 database", { shows: /2 packets received/ });

  say("The published port, from the client beyond");
  await type(outside, "curl -s http://192.168.56.11:8080/", { shows: /hello from web/ });
  await type(host, "docker ps --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}\t{{.Networks}}'", { shows: /:8080->80\/tcp/ });

  if (!reference) {
    say("kill -9 the daemon: containers, ports and connections outlive it; started again, it knows them");
    await host.daemon.kill();
    await type(outside, "curl -s http://192.168.56.11:8080/", { shows: /hello from web/ });
    await host.daemon.start();
    await type(host, "docker ps --format '{{.Names}} {{.Status}}'", { shows: /web Up/ });
    await type(host, "docker exec client ping -c 1 web", { shows: /1 packets received/ });
  }

  say("Taking it down");
  await type(host, "docker rm -f web client db");
  await type(host, "docker network rm front back");
  await host.daemon.stop();
  const links = (await host.state()).links.filter((link) => !before.links.includes(link));
  console.log(`Links left on the host: ${links.join(" ") || "none"}`);
}

console.log(
  `\n${failures === 0 ? "Everything went as said" : `${failures} steps did not go as said`}, in ${((performance.now() - started) / 1000).toFixed(1)} s.`,
);
process.exitCode = failures === 0 ? 0 : 1;
