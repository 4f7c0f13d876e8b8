/** MQTT 5. */

import type { Codec } from './codec.ts'
import { decode, type KnownTopics } from './decode.ts'
import { encodeConnack, encodeDisconnect, encodePublishHead, encodeSuback, encodeUnsuback } from './encode.ts'

export function mqtt5Codec(topics: KnownTopics): Codec {
  return {
    version: 5,
    saysWhy: true,
    decode: (bytes, at, body, end) => decode(bytes, at, body, end, topics),
    connack: encodeConnack,
    suback: encodeSuback,
    unsuback: encodeUnsuback,
    disconnect: encodeDisconnect,
    publishHead: encodePublishHead,
  }
}
