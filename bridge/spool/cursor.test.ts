import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Cursor, type CursorState, lastKnownBlock, MAX_STRETCHES, START } from './cursor.ts'
import { disk, type SpoolFile, type SpoolFiles } from './files.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-cursor-'))
  path = join(dir, 'cursor')
})
afterEach(() => rmSync(dir, { recursive: true }))

function state(block: number, stretches = 0): CursorState {
  const place = (n: number) => ({ block: n, segment: n - 1, offset: n * 10, messages: n * 5 })
  return {
    ...place(block),
    refused: 3,
    lost: 2,
    overflowed: 1,
    ahead: Array.from({ length: stretches }, (_, i) => ({
      from: place(block + 10 * i + 10),
      to: place(block + 10 * i + 15),
    })),
  }
}

function reopen(): CursorState {
  const cursor = new Cursor(path)
  cursor.close()
  return cursor.state
}

it('remembers the last position saved, with what was delivered ahead of it', () => {
  expect(reopen()).toEqual(START)
  const cursor = new Cursor(path)
  for (const stretches of [0, 3, MAX_STRETCHES, 1]) {
    cursor.save(state(100 + stretches, stretches))
    expect(reopen()).toEqual(state(100 + stretches, stretches))
  }
  cursor.close()
  // Of both slots: the highest block that anybody may remember.
  expect(lastKnownBlock(path)).toBe(100 + MAX_STRETCHES + 10 * (MAX_STRETCHES - 1) + 15)
})

it('torn at any byte falls back to the position before, and never to one that was not saved', () => {
  const cursor = new Cursor(path)
  cursor.save(state(50, 2))
  const before = readFileSync(path)
  cursor.save(state(60, 2))
  const after = readFileSync(path)
  cursor.close()
  const first = after.findIndex((byte, i) => byte !== before[i])
  const last = after.findLastIndex((byte, i) => byte !== before[i])
  for (let cut = first; cut <= last; cut++) {
    writeFileSync(path, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]))
    expect(reopen()).toEqual(cut > last ? state(60, 2) : state(50, 2))
  }
  writeFileSync(path, after)
  expect(reopen()).toEqual(state(60, 2))
})

it('damaged anywhere gives one of its two positions, or none', () => {
  const cursor = new Cursor(path)
  cursor.save(state(50, 1))
  cursor.save(state(60, 2))
  cursor.close()
  const sound = readFileSync(path)
  const allowed = [START, state(50, 1), state(60, 2)].map(known => JSON.stringify(known))
  // What is used of the two slots, and a little more.
  const used = Array.from({ length: 240 }, (_, i) => i)
  for (const at of [...used, ...used.map(i => i + 4096)]) {
    const damaged = Buffer.from(sound)
    damaged[at]! ^= 0xff
    writeFileSync(path, damaged)
    expect(allowed).toContain(JSON.stringify(reopen()))
  }
})

it('after a failed save writes the same slot again: the only sound one stays', () => {
  let failing = false
  const files: SpoolFiles = {
    ...disk,
    open(file, mode) {
      const real = disk.open(file, mode)
      const faulty: SpoolFile = {
        size: () => real.size(),
        read: (buffer, position) => real.read(buffer, position),
        writeDurably: (bytes, position) => real.writeDurably(bytes, position),
        close: () => real.close(),
        syncNow: () => real.syncNow(),
        writeNow(bytes, position) {
          // Half of it reaches the disk, then the error.
          real.writeNow(failing ? bytes.subarray(0, 20) : bytes, position)
          if (failing) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
        },
      }
      return faulty
    },
  }
  const cursor = new Cursor(path, files)
  cursor.save(state(50))
  failing = true
  for (let i = 0; i < 3; i++) {
    expect(() => cursor.save(state(60 + i))).toThrow('EIO')
    expect(reopen()).toEqual(state(50))
  }
  failing = false
  cursor.save(state(70))
  expect(reopen()).toEqual(state(70))
  cursor.close()
})
