import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { escapeString } from '../line-protocol.ts'
import type { Verdict } from '../store.ts'
import { EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts'
import { EmbeddedHistory } from './history.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** 2026-03-10T12:00:00Z */
const NOON = Date.UTC(2026, 2, 10, 12)

let directory: string
let store: EmbeddedStore
let history: EmbeddedHistory

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trestle-store-'))
  store = open()
  history = new EmbeddedHistory(directory)
})

afterEach(async () => {
  await history.close()
  await store.close()
  rmSync(directory, { recursive: true })
})

function open(options: Partial<EmbeddedStoreOptions> = {}): EmbeddedStore {
  return new EmbeddedStore({ directory, now: () => NOON, ...options })
}

function line(timeMs: number, fields: string, device = 'd1', tags = ''): string {
  return `reading,device=${device}${tags} ${fields} ${Math.round(timeMs * 1000)}000\n`
}

let block = 0
function write(...lines: string[]): Promise<Verdict> {
  return store.write({
    lines: [Buffer.from(lines.join(''))],
    lineCount: lines.length,
    position: { block: ++block },
  })
}

describe('smoke', () => {
  it('writes and reads', async () => {
    expect(await history.raw({ device: 'd1', field: 't', fromMs: 0, toMs: NOON }, 10)).toBe(null)
    expect(await write(line(NOON - 10_000, 't=1.5'), line(NOON - 9000, 't=2.5,on=t,s="a b"'))).toStrictEqual({
      kind: 'written',
    })
    expect(await history.raw({ device: 'd1', field: 't', fromMs: 0, toMs: NOON }, 10)).toStrictEqual([
      { time: NOON - 10_000, value: 1.5 },
      { time: NOON - 9000, value: 2.5 },
    ])
    expect(
      await history.buckets({ device: 'd1', field: 't', fromMs: 0, toMs: NOON }, MINUTE_MS),
    ).toStrictEqual([{ time: NOON - MINUTE_MS, count: 2, mean: 2, min: 1.5, max: 2.5, last: 2.5 }])
    expect(await history.lastValues()).toMatchObject([
      { field: 'on', value: true },
      { field: 's', value: 'a b' },
      { field: 't', value: 2.5 },
    ])
    expect(store.position()).toStrictEqual({ block })
  })
})
