/**
 * Victron Venus OS: `N/<portal>/<service>/<instance>/<path>` with `{"value":...}`; `R` and `W` ask and write.
 * https://github.com/victronenergy/dbus-flashmq
 */

import { type Family, ignore } from '../family.ts'

export const victron: Family = {
  name: 'victron',
  topics: [
    ['R|W/#', ignore('command')],
    ['N/{portal}/full_publish_completed|keepalive|heartbeat', ignore('sign of life')],
    [
      'N/{portal}/{service}/{instance}/{path...}',
      ({ portal, service, instance, path }) => ({
        device: `${portal}/${service}/${instance}`,
        field: path!.replaceAll('/', '.'),
      }),
    ],
  ],
}
