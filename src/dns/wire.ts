/**
 * Numbers of the DNS wire format: RFC 1035 §4.1 (header, question, record), RFC 6891 (EDNS), RFC 2308 (negative answers).
 *
 *   offset 0  id      2  QR|opcode|AA|TC|RD   3  RA|Z|AD|CD|rcode
 *          4  QDCOUNT 6  ANCOUNT  8  NSCOUNT  10 ARCOUNT  12 question: name, QTYPE, QCLASS
 */
export const HEADER_LENGTH = 12;
/** RFC 1035 §2.3.4: the longest name, length octets and root included. */
export const MAX_NAME_LENGTH = 255;
export const MAX_LABEL_LENGTH = 63;
/** RFC 1035 §4.2.1: what a client without EDNS can take over UDP. */
export const UDP_PLAIN_SIZE = 512;
/** What we say we take in an OPT record: the value of DNS flag day 2020, that no path fragments. */
export const UDP_EDNS_SIZE = 1232;
/** The most we send to a client that says it can take more; loopback does not fragment at this size. */
export const UDP_MAX_ANSWER = 4096;
export const TCP_MAX_MESSAGE = 65535;
/** An OPT record without options: root name, type, class (size), ttl (flags), rdlength. */
export const OPT_LENGTH = 11;

export const RecordType = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, AAAA: 28, SRV: 33, DNAME: 39, OPT: 41, ANY: 255 } as const;
/** IXFR, AXFR, MAILB, MAILA (RFC 1035 §3.2.3, RFC 1995): zone transfers and obsolete queries that no stub resolver asks. */
export const isTransferType = (type: number): boolean => type >= 251 && type <= 254;

export const RecordClass = { IN: 1, CH: 3, ANY: 255 } as const;

export const Rcode = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;
export type Rcode = (typeof Rcode)[keyof typeof Rcode];

/** Bits of header octet 2. */
export const FLAG_QR = 0x80;
export const FLAG_AA = 0x04;
export const FLAG_TC = 0x02;
export const FLAG_RD = 0x01;
/** Bits of header octet 3. */
export const FLAG_RA = 0x80;
export const FLAG_AD = 0x20;
export const FLAG_CD = 0x10;

/**
 * Seconds a container's name may be cached by a resolver inside another container. Not 0, which several resolvers (Envoy, some JVM caches) read as
 * "not given" and replace by a default of their own; and the least that is not 0, because an answer has to follow a restart or a move at once.
 */
export const CONTAINER_TTL = 1;

const TYPE_NAMES = new Map<number, string>(
  Object.entries({ ...RecordType, TXT: 16, HTTPS: 65, DS: 43 }).map(([name, value]) => [value, name]),
);
/** `A`, `AAAA`…; RFC 3597's `TYPE65` for a type without a name here. */
export const typeName = (type: number): string => TYPE_NAMES.get(type) ?? `TYPE${type}`;
const RCODE_NAMES = new Map<number, string>(Object.entries(Rcode).map(([name, value]) => [value, name]));
export const rcodeName = (rcode: number): string => RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`;
