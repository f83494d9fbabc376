import type { Difference } from "./differences.ts";

/** A difference that answers over the API do not show: tests of its own say that it is so. */
type Behaviour = Pick<Difference, "where" | "ours" | "theirs" | "reason">;

/** By heading, as docs/differences.md lists them. "dockerd" is 20.10 to 28 where nothing else is said. */
export const BEHAVIOURS: Readonly<Record<string, readonly Behaviour[]>> = {
  Names: [
    {
      where: "time to live of a container's name",
      ours: "1 s",
      theirs: "600 s",
      reason: "An answer is right from the instant a container starts, stops, moves or is renamed; a client that caches would not see it.",
    },
    {
      where: "unknown names of one label",
      ours: "NXDOMAIN, never forwarded",
      theirs: "forwarded to the host's servers, unless ndots is above 0",
      reason: "A typing error or a stopped container is nobody else's business; musl and glibc go on to the search list after it.",
    },
    {
      where: "names under `internal`",
      ours: "NXDOMAIN where no container has them, never forwarded",
      theirs: "forwarded",
      reason: "The domain is reserved for private use, and what is asked there would leak.",
    },
    {
      where: "`localhost` and names under it",
      ours: "127.0.0.1 and ::1",
      theirs: "forwarded",
      reason: "RFC 6761: no resolver asks others about it.",
    },
    {
      where: "a container on internal networks alone that asks for a name outside",
      ours: "NXDOMAIN at once",
      theirs: "SERVFAIL (26 and later); before, the answer",
      reason: "musl waits 5 s and more after SERVFAIL, for an answer that cannot come.",
    },
    {
      where: "other types of a container's name (TXT, MX, HTTPS…)",
      ours: "NOERROR without records",
      theirs: "forwarded, but MX",
      reason: "The name is known here, so that nobody outside can say anything about it.",
    },
    {
      where: "SRV of `_http._tcp.web`",
      ours: "the exposed and published ports, with target and addresses",
      theirs: "swarm's services only",
      reason: "What a container offers is known.",
    },
    {
      where: "upstream servers",
      ours: "the healthiest first, another beside it when it is late; what is dead is remembered for all containers",
      theirs: "in order, 4 s each",
      reason: "A dead first server costs each query 4 s otherwise.",
    },
    {
      where: "questions that go upstream",
      ours: "letter case, port and id are random (0x20); what does not match is not believed; TCP after a truncated answer",
      theirs: "as the client wrote them; a truncated answer is passed on",
      reason: "A forged answer would have to guess all of it.",
    },
    {
      where: "how much one container may ask",
      ours: "2,000 forwarded questions a second and 256 at a time; each container keeps some of the daemon's 2,048",
      theirs: "1,024 at a time, whoever they are of",
      reason: "One container cannot take the names from the others.",
    },
    {
      where: "a change of the host's resolv.conf",
      ours: "followed within a second, for running containers",
      theirs: "at the container's next start",
      reason: "A laptop changes networks, a VPN comes and goes.",
    },
    {
      where: "one name on two networks of a container",
      ours: "the first network's, as in Docker, and an event `conflict` says so",
      theirs: "the first network's",
      reason: "Nobody notices until the wrong container answers.",
    },
    {
      where: "port 53 inside a container",
      ours: "queries to 127.0.0.11 are led to the embedded DNS without NAT and conntrack (table `ip fairway`)",
      theirs: "by NAT, in the chains `DOCKER_OUTPUT` and `DOCKER_POSTROUTING`",
      reason: "Faster; a container that itself redirects 127.0.0.11 no longer sees these packets.",
    },
  ],
  "Published ports": [
    {
      where: "how a port is served",
      ours: "an element of an nftables map; the daemon itself carries clients on ::1 and IPv6 ones of a container without IPv6",
      theirs: "a DNAT rule and a process `docker-proxy` for each port",
      reason: "The thousandth port costs what the first does, and a range is one element.",
    },
    {
      where: "a range of more than 64 ports",
      ours: "compared with the host's sockets when it is taken; a program that binds one later is named in the log and by `fairway doctor`",
      theirs: "each port is bound",
      reason: "16,384 sockets are more than many limits allow; see decision 071.",
    },
    {
      where: "a port that is taken",
      ours: "the error names the container or program that has it",
      theirs: "`port is already allocated`, `address already in use`",
      reason: "The next question is always who.",
    },
    {
      where: "`-p` of a container on a macvlan or ipvlan network",
      ours: "a redirect inside the container, where host and container port differ",
      theirs: "ignored, with a line in the log",
      reason: "What was asked can be had.",
    },
    {
      where: "`com.docker.network.bridge.enable_icc=false` and a neighbour's published port",
      ours: "reached by the host's address, with br_netfilter and without, IPv4 and IPv6",
      theirs: "reached through docker-proxy; without it, not",
      reason: "A published port is open to everybody; see decision 073.",
    },
  ],
  "The daemon": [
    {
      where: "SIGTERM",
      ours: "containers keep running, unless `--live-restore=false`",
      theirs: "containers are stopped, unless `--live-restore`",
      reason: "Containers and their networks need no daemon: an upgrade interrupts nobody.",
    },
    {
      where: "a start after a crash, without live-restore",
      ours: "running containers are found and kept, with their connections",
      theirs: "they are stopped, and started again where a policy says so",
      reason: "There is nothing wrong with them.",
    },
    {
      where: "the host's firewall",
      ours: "tables of its own; no policy is changed, and `docker info` names foreign rules that end containers' packets",
      theirs: "chains in the tables of iptables, FORWARD's policy becomes DROP (nftables from 29 on)",
      reason: "Nothing of others is changed. The chain `user` of `inet fairway` stands in for DOCKER-USER.",
    },
    {
      where: "warnings of `network create`",
      ours: "in `docker info` and `fairway doctor` too, for as long as they hold",
      theirs: "in the answer alone, which the CLI does not print",
      reason: "Somebody has to see them.",
    },
  ],
  Containers: [
    {
      where: "log drivers",
      ours: "`json-file` and `local` (both k8s-file on disk), `none`; any other is refused",
      theirs: "syslog, journald, fluentd and others too",
      reason:
        "conmon writes the log and survives the daemon. A full log of `max-size` is begun anew; older files (`max-file`) are not kept.",
    },
    {
      where: "runtimes",
      ours: "one for all containers: `--default-runtime`, or crun or runc as the host allows",
      theirs: "any of `--add-runtime` by `docker run --runtime`",
      reason: "The choice is the host's cgroup hierarchy's; others are warned about at start.",
    },
    {
      where: "options of local volumes (`-o type=nfs`, `volume-opt`)",
      ours: "refused",
      theirs: "mounted while a container uses the volume",
      reason: "Not there yet: mount it on the host, and bind it.",
    },
    {
      where: "`--mount` with `volume-subpath`, `bind-recursive=readonly`, or options of a tmpfs beside size and mode",
      ours: "refused",
      theirs: "done since 25 and 26",
      reason: "Not there yet, and something else than was asked would be mounted without them.",
    },
    {
      where: "`docker update --memory` of a container that has no limit",
      ours: "done",
      theirs: "refused, unless `--memory-swap` is given too",
      reason: "There is no swap limit that the new one could exceed.",
    },
    {
      where: "`docker import` from a URL",
      ours: "refused",
      theirs: "the daemon fetches it",
      reason: "Fetch it and pipe it in: the daemon asks no servers.",
    },
    {
      where: "`-v x:/path`, a volume named by one letter",
      ours: "refused",
      theirs: "an anonymous volume at `/x:/path`",
      reason: "The docker CLI takes the letter for a drive of Windows'; nobody means that.",
    },
  ],
};
