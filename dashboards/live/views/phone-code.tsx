/** The code that opens `This phone` on a phone, and in plain words when that would not work. */

import { useState } from 'preact/hooks'
import { QrCode } from '../parts/qr-code.tsx'
import { formatRoute } from '../route.ts'

const isLoopback = /^(localhost|127\.|\[::1\])/.test(location.hostname)

export function PhoneCode({ title }: { title: string }) {
  const [typed, setTyped] = useState('')
  const origin = isLoopback ? originOf(typed) : location.origin
  return (
    <div class="phone-code">
      {origin ? (
        <QrCode text={`${origin}/${formatRoute('sensor')}`} />
      ) : (
        <div class="qr is-empty" aria-hidden="true" />
      )}
      <div>
        <h2>{title}</h2>
        <p class="quiet">
          Scan with a phone on this network. Nothing to install; nothing is sent before Start.
        </p>
        {isLoopback && <OwnAddress typed={typed} onType={setTyped} />}
        {origin?.startsWith('http:') && (
          <p class="note">
            Over plain http a phone’s browser gives no sensors. Make a certificate first:{' '}
            <code>npm run trestle -- tls init</code>
          </p>
        )}
      </div>
    </div>
  )
}

/** A page at localhost does not know what its machine is called elsewhere. */
function OwnAddress({ typed, onType }: { typed: string; onType: (text: string) => void }) {
  return (
    <label class="own-address">
      <span class="note">
        This page is open at {location.hostname}, which means the phone itself when a phone asks. Address of
        this machine on the network:
      </span>
      <span class="field">
        <input
          class="mono"
          value={typed}
          placeholder="https://192.168.1.20:8080"
          spellcheck={false}
          autocapitalize="off"
          inputMode="url"
          onInput={event => onType(event.currentTarget.value)}
        />
      </span>
    </label>
  )
}

/** What was typed as an origin: scheme and port of this page unless it names its own. Null while it is none. */
function originOf(typed: string): string | null {
  const text = typed.trim()
  if (!/[.:]/.test(text)) return null
  const whole = /^https?:\/\//.test(text) ? text : `${location.protocol}//${text}`
  if (!URL.canParse(whole)) return null
  const url = new URL(whole)
  if (!/:\d+\/?$/.test(text) && location.port !== '') url.port = location.port
  return url.origin
}
