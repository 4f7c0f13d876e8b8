/** Which files come out, and what is in them: the build writes them, a test holds them to it. */

import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { stringify } from 'yaml'
import { ALERTS } from './alerts.ts'
import { bridge } from './boards/bridge.ts'
import { device } from './boards/device.ts'
import { fleet } from './boards/fleet.ts'
import { live, push } from './boards/live.ts'
import { room } from './boards/room.ts'
import { alertRules, dashboardProvider, datasources } from './provisioning.ts'

export const OUT_DIR = join(import.meta.dirname, 'out')

export const DASHBOARDS: readonly Dashboard[] = [fleet, room, device, bridge, live, push]

/** Path below `out/`, and the text. */
export function outputs(): ReadonlyMap<string, string> {
  return new Map([
    ...DASHBOARDS.map(board => [`dashboards/${board.uid}.json`, json(board)] as const),
    ['provisioning/datasources/trestle.yaml', yaml(datasources())],
    ['provisioning/dashboards/trestle.yaml', yaml(dashboardProvider())],
    ['provisioning/alerting/trestle.yaml', yaml(alertRules(ALERTS))],
  ])
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function yaml(value: unknown): string {
  return `# Written by "npm run dashboards"; change dashboards/grafana instead.\n${stringify(value, { lineWidth: 0 })}`
}
