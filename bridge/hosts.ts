/** Hosts as settings have them, for those who are to reach the bridge there. */

/** It listens on every address of this machine: that is no place to connect to. */
export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** As it stands in a URL: IPv6 in brackets. */
export function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Of the bridge on this machine, as it stands in a URL. */
export function localInUrl(host: string): string {
  return isEverywhere(host) ? 'localhost' : inUrl(host)
}
