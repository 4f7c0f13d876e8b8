/** Who this device is and where. */

import { devices } from '../data/fleet.ts'
import { change, changeSecret, isSecretKept, secret, settings } from './settings.ts'

export function SensorForm({ onDone }: { readonly onDone: () => void }) {
  const { id, name, room, username } = settings.value
  const rooms = [...new Set([...devices.values()].map(device => device.room))].filter(Boolean).sort()
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const text = (key: string) => String(form.get(key) ?? '').trim()
    change({ name: text('name') || name, room: text('room'), username: text('username') })
    changeSecret(text('username') === '' ? '' : text('password'), form.has('keep'))
    onDone()
  }
  return (
    <form class="panel sensor-form" onSubmit={save}>
      <label>
        Name
        <span class="field">
          <input name="name" defaultValue={name} maxLength={60} autocomplete="off" required />
        </span>
      </label>
      <label>
        Room
        <span class="field">
          <input name="room" defaultValue={room} maxLength={60} list="rooms" autocomplete="off" />
        </span>
      </label>
      <datalist id="rooms">
        {rooms.map(room => (
          <option key={room} value={room} />
        ))}
      </datalist>
      <p class="note">
        Stored as <span class="mono">{username || id}</span>. Device id and secret only where the bridge asks
        for them: <code>npm run trestle -- device add</code> makes both, and draws a code for the phone.
      </p>
      <label>
        Device id
        <span class="field">
          <input
            class="mono"
            name="username"
            defaultValue={username}
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            pattern="[^\/+#]*"
          />
        </span>
      </label>
      <label>
        Device secret
        <span class="field">
          <input
            name="password"
            type="password"
            defaultValue={secret.value}
            autocomplete="current-password"
          />
        </span>
      </label>
      <label class="sensor-keep">
        <input type="checkbox" name="keep" defaultChecked={isSecretKept.value} />
        Keep the secret in this browser, for the next time
      </label>
      <button type="submit" class="button primary">
        Save
      </button>
    </form>
  )
}
