import { SystemError } from "#kernel/ffi";
import { AttributeReader, ShortReadError } from "./attribute-reader.ts";
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MISS_TYPE, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS } from "./constants.ts";
import { type NetlinkMessage, NLMSG_HDRLEN } from "./message.ts";

/** What NETLINK_EXT_ACK adds to an error. */
export interface ExtendedAck {
  readonly message?: string;
  /** Offset of the attribute at fault, in bytes from the start of the request's header. */
  readonly offset?: number;
  /** Type of a required attribute that was missing. */
  readonly missingType?: number;
}

/** A request that the kernel refused: `RTM_NEWLINK br-x: File exists (EEXIST)`, and the extended acknowledgement's text when there is one. */
export class NetlinkError extends SystemError {
  readonly extendedAck: ExtendedAck;

  constructor(operation: string, errno: number, extendedAck: ExtendedAck = {}) {
    super(operation, errno, detailOf(extendedAck), { context: { extendedAck } });
    this.name = "NetlinkError";
    this.extendedAck = extendedAck;
  }
}

function detailOf({ message, missingType }: ExtendedAck): string | undefined {
  return message ?? (missingType === undefined ? undefined : `attribute ${missingType} is missing`);
}

/*
 * struct nlmsgerr
 *  0  i32 error, 0 or a negative errno
 *  4  nlmsghdr of the request, with its payload unless NLM_F_CAPPED
 *  …  attributes when NLM_F_ACK_TLVS
 */
/** Reads NLMSG_ERROR, or the error in NLMSG_DONE (which has no copy of the request). 0 is success. @throws ShortReadError */
export function decodeAck(message: NetlinkMessage, done = false): { errno: number; extendedAck: ExtendedAck } {
  const { payload, flags } = message;
  if (payload.length < 4) {
    if (done) return { errno: 0, extendedAck: {} };
    throw new ShortReadError("NLMSG_ERROR", 4, payload.length);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, extendedAck: {} };
  let offset = 4;
  if (!done) {
    if (payload.length < 8) throw new ShortReadError("NLMSG_ERROR", 8, payload.length);
    offset += flags & NLM_F_CAPPED ? NLMSG_HDRLEN : (view.getUint32(4, true) + 3) & ~3;
  }
  const extendedAck: { message?: string; offset?: number; missingType?: number } = {};
  const reader = new AttributeReader(payload, offset);
  while (reader.next()) {
    if (reader.type === NLMSGERR_ATTR_MSG) extendedAck.message = reader.string();
    else if (reader.type === NLMSGERR_ATTR_OFFS) extendedAck.offset = reader.u32();
    else if (reader.type === NLMSGERR_ATTR_MISS_TYPE) extendedAck.missingType = reader.u32();
  }
  return { errno, extendedAck };
}
