import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { fieldClass } from '../../bridge/telemetry/field-classes.ts'
import { unitAfterNumber } from '../../bridge/telemetry/units.ts'
import { ALERTS } from './alerts.ts'
import { DASHBOARDS, OUT_DIR, outputs } from './outputs.ts'
import { DASHBOARDS_PATH, FOLDER, VARIABLES } from './provisioning.ts'
import { patternOf, QUANTITIES } from './quantities.ts'
import { INFLUX_UID, MQTT_UID } from './targets.ts'
import { GRAFANA_UNITS } from './units.ts'

const files = outputs()
const COLUMNS = 24
const UNIT_IDS: readonly unknown[] = Object.values(units)
const PANEL_TYPES = ['timeseries', 'stat', 'bargauge', 'state-timeline', 'table', 'row']

it('what is committed is what the sources say; "npm run dashboards" brings it up to date', () => {
  const there = readdirSync(OUT_DIR, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(OUT_DIR.length + 1))
  expect(there.toSorted()).toEqual([...files.keys()].toSorted())
  for (const [path, text] of files) expect(readFileSync(join(OUT_DIR, path), 'utf8'), path).toBe(text)
})

describe.each(DASHBOARDS.map(board => [board.uid!, JSON.parse(files.get(`dashboards/${board.uid}.json`)!)]))(
  'dashboard %s',
  (uid, board) => {
    const panels: Panel[] = board.panels

    it('is classic JSON with a fixed uid and nothing to be asked at import', () => {
      expect(board).toMatchObject({ uid, schemaVersion: 42, tags: ['trestle'] })
      expect(uid).toMatch(/^[a-z-]{1,40}$/)
      expect(board).not.toHaveProperty('__inputs')
      expect(board).not.toHaveProperty('id')
      expect(JSON.stringify(board)).not.toContain('inControlsMenu')
    })

    it('has panels of known types, each with an id of its own', () => {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
      for (const panel of panels) {
        expect(panel.id).toBeGreaterThan(0)
        expect(PANEL_TYPES).toContain(panel.type)
        expect(panel.title).toMatch(/\S/)
      }
    })

    it('has panels that fit the grid and do not overlap', () => {
      const taken = new Set<string>()
      for (const { title, gridPos } of panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(COLUMNS)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(taken.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false)
            taken.add(`${x},${y}`)
          }
        }
      }
    })

    it('uses units of Grafana’s list', () => {
      for (const unit of panels.flatMap(panel => panel.fieldConfig?.defaults.unit ?? [])) {
        expect(UNIT_IDS).toContain(unit)
      }
    })

    it('uses only variables that it defines, and repeats by those that hold several values', () => {
      const variables: Variable[] = board.templating.list
      const own = new Set(variables.map(({ name }) => name))
      const isGrafanas = (name: string) =>
        name.startsWith('__') || name.startsWith('tag_') || ['col', 'timeFilter', '1', '2'].includes(name)
      for (const [, bare, braced] of JSON.stringify(board).matchAll(/\$(\w+)|\$\{(\w+)/g)) {
        const name = bare ?? braced ?? ''
        expect(isGrafanas(name) || own.has(name), name).toBe(true)
      }
      for (const { repeat } of panels) {
        if (repeat === undefined) continue
        const variable = variables.find(({ name }) => name === repeat)
        expect(variable).toMatchObject({ multi: true })
        // Repeating by "everything" would make one panel, named `.*`.
        expect(variable).not.toHaveProperty('allValue')
      }
    })

    it('asks data sources that the provisioning has', () => {
      const uids = panels.flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource.uid))
      for (const asked of uids) expect(['${datasource}', MQTT_UID, 'grafana']).toContain(asked)
    })

    it('leads to dashboards that are there', () => {
      const known = new Set(DASHBOARDS.map(other => other.uid))
      for (const [, linked] of JSON.stringify(board).matchAll(/\/d\/([\w-]+)/g)) {
        expect(known).toContain(linked)
      }
    })
  },
)

describe('the provisioning', () => {
  const read = (path: string) => parse(files.get(`provisioning/${path}/trestle.yaml`)!)
  const { datasources } = read('datasources') as { datasources: { uid: string }[] }

  it('has the data sources that dashboards and rules name, and expands only variables that compose sets', () => {
    expect(datasources.map(({ uid }) => uid)).toEqual([INFLUX_UID, MQTT_UID])
    const used = [...files.get('provisioning/datasources/trestle.yaml')!.matchAll(/\$(\w+)/g)]
    expect(used.map(([, name]) => name).toSorted()).toEqual([...VARIABLES].toSorted())
  })

  it('finds the dashboards where they are mounted', () => {
    expect(read('dashboards').providers).toEqual([
      expect.objectContaining({ folder: FOLDER, type: 'file', options: { path: DASHBOARDS_PATH } }),
    ])
  })

  it('has rules in the form of files: unique uids, a chain of queries that ends in the condition', () => {
    const { groups } = read('alerting') as { groups: { folder: string; interval: string; rules: Rule[] }[] }
    expect(groups).toMatchObject([{ folder: FOLDER, interval: expect.stringMatching(/^\d+[sm]$/) }])
    const rules = groups.flatMap(group => group.rules)
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(ALERTS.length)
    for (const rule of rules) {
      expect(rule.uid, rule.title).toMatch(/^[\w-]{1,40}$/)
      expect(rule.data.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'])
      expect(rule.condition).toBe('C')
      expect(rule.data.map(({ model }) => model.expression)).toEqual([undefined, 'A', 'B'])
      expect(rule.data.map(({ datasourceUid }) => datasourceUid)).toEqual([
        INFLUX_UID,
        '__expr__',
        '__expr__',
      ])
      expect(rule.data.every(({ refId, model }) => model.refId === refId)).toBe(true)
      expect(DASHBOARDS.some(({ uid }) => uid === rule.annotations.__dashboardUid__)).toBe(true)
      // Grafana would take a bare `$` here for a variable of its environment.
      expect(JSON.stringify([rule.labels, rule.annotations])).not.toContain('$')
      // A rule has no dashboard variables.
      expect(rule.data[0]?.model.query?.replace(/\$(timeFilter|__interval)/g, '')).not.toMatch(/\$[a-z_]/)
    }
  })
})

describe('names and units are the catalog’s', () => {
  it('every unit is spelled as the catalog spells it, and is one of Grafana’s', () => {
    for (const [spelling, grafana] of Object.entries(GRAFANA_UNITS)) {
      expect(unitAfterNumber(spelling)).toBe(spelling)
      expect(UNIT_IDS).toContain(grafana)
    }
  })

  it.each(Object.values(QUANTITIES))('$title: the catalog means the same by words and unit', quantity => {
    for (const word of quantity.words) expect(fieldClass(word)).toBe(quantity.class)
    // Units that more than one quantity has, such as %, say nothing.
    if (quantity.unit !== undefined)
      expect([quantity.class, undefined]).toContain(fieldClass('x', quantity.unit))
  })

  it('a field is found by the word in which its name ends', () => {
    // InfluxDB's expressions are Go's, which know `(?i:`; so does JavaScript since 2025.
    const power = new RegExp(patternOf(QUANTITIES.power.words))
    for (const name of ['power', 'POWER', 'ENERGY.Power', 'switch:0.apower', 'solar_power', 'outdoorPower'])
      expect(name).toMatch(power)
    for (const name of ['power_factor', 'powerful', 'empower', 'powers']) expect(name).not.toMatch(power)
  })
})

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly repeat?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly datasource: { readonly uid: string } }[]
}

interface Variable {
  readonly name: string
}

interface Rule {
  readonly uid: string
  readonly title: string
  readonly condition: string
  readonly labels: object
  readonly annotations: { readonly summary: string; readonly __dashboardUid__: string }
  readonly data: readonly {
    readonly refId: string
    readonly datasourceUid: string
    readonly model: { readonly refId: string; readonly expression?: string; readonly query?: string }
  }[]
}
