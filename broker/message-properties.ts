/** What an MQTT 5 PUBLISH says about its message beside topic and payload (3.3.2.3); older protocols have none of it. */

export interface MessageProperties {
  /** The payload is declared to be UTF-8 text. */
  readonly isText: boolean
  /** As its sender calls it, such as `application/json`; null: it does not say. */
  readonly contentType: string | null
  /** Where an answer is expected. */
  readonly responseTopic: string | null
  /** Tells to which request an answer belongs. */
  readonly correlationData: Uint8Array | null
  /** In their order; a name may come several times. */
  readonly userProperties: readonly (readonly [name: string, value: string])[]
}

/** What a publication of our own may say. */
export interface PublicationProperties {
  /** Nobody wants it later than that. */
  readonly expiryMs?: number | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
}
