/** Who this device is and where. */

import { devices } from '../data/fleet.ts'
import { change, settings } from './settings.ts'

interface Props {
  readonly password: string
  readonly onPassword: (password: string) => void
  readonly onDone: () => void
}

export function SensorForm({ password, onPassword, onDone }: Props) {
  const { id, name, room, username } = settings.value
  const rooms = [...new Set([...devices.values()].map(device => device.room))].filter(Boolean).sort()
  const save = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const text = (key: string) => String(form.get(key) ?? '').trim()
    change({ name: text('name') || name, room: text('room'), username: text('username') })
    onPassword(text('password'))
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
        Stored as <span class="mono">{username || id}</span>. User name and password only where the bridge
        asks for them.
      </p>
      <label>
        User name
        <span class="field">
          <input
            name="username"
            defaultValue={username}
            autocomplete="username"
            autocapitalize="off"
            pattern="[^\/+#]*"
          />
        </span>
      </label>
      <label>
        Password
        <span class="field">
          <input name="password" type="password" defaultValue={password} autocomplete="current-password" />
        </span>
      </label>
      <button type="submit" class="button primary">
        Save
      </button>
    </form>
  )
}
