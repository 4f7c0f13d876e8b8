import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { seeded } from '../../broker/seeded.ts'
import { SimulatedDisk } from '../test/faults/simulated-disk.ts'
import type { Entry } from './batch.ts'
import { SPOOL_OPTIONS } from './fixture.ts'
import type { Commit } from './position.ts'
import { SpoolReader } from './reader.ts'
import { listSegments, segmentPath } from './segment.ts'
import { Spool, type SpoolOptions } from './spool.ts'

function open(
  files: SimulatedDisk,
  options: Partial<SpoolOptions> = {},
): { spool: Spool; commits: Commit[] } {
  const commits: Commit[] = []
  const spool = new Spool({
    ...SPOOL_OPTIONS,
    dir: 'spool',
    nodeId: '00'.repeat(16),
    segmentBytes: 1e6,
    maxPendingBytes: 1e8,
    onCommit: commit => commits.push(commit),
    files,
    ...options,
  })
  return { spool, commits }
}

function message(text: string, awaited = true): Entry {
  return { lines: `${text}\n`, lineCount: 1, outcome: { kind: 'message' }, key: null, awaited }
}

function readAll(files: SimulatedDisk, spool: Spool): string[] {
  const reader = new SpoolReader('spool', { block: 0, segment: 0, offset: 0 }, files)
  return reader.read(spool.tail, 1e6).map(({ block }) => block.lines.toString().trim())
}

it('after a failed fsync the block goes to another file, and only there: the old descriptor is not believed again', async () => {
  const files = new SimulatedDisk(seeded(1))
  const { spool } = open(files)
  await spool.append(message('a v=1 1'))
  let failures = 1
  files.failure = operation => (operation === 'sync' && failures-- > 0 ? 'EIO' : null)
  await spool.append(message('b v=2 2'))
  expect(listSegments('spool', files)).toEqual([1, 2])
  files.crash()
  const again = open(files)
  expect(readAll(files, again.spool)).toEqual(['a v=1 1', 'b v=2 2'])
})

it('a disk that cuts no file either takes no block elsewhere: nothing may stand in two', async () => {
  const files = new SimulatedDisk(seeded(2))
  const { spool } = open(files, { holdMs: 300 })
  await spool.append(message('a v=1 1'))
  files.failure = operation => (operation === 'sync' || operation === 'cut' ? 'EIO' : null)
  await expect(spool.append(message('b v=2 2'))).rejects.toMatchObject({ code: 'SPOOL_FAILING' })
  expect(listSegments('spool', files)).toEqual([1])
  files.failure = () => null
  await spool.append(message('c v=3 3'))
  expect(readAll(files, spool)).toEqual(['a v=1 1', 'c v=3 3'])
})

it('the hold begins with the message, however long the spool was idle before', async () => {
  const files = new SimulatedDisk(seeded(3))
  const { spool } = open(files, { holdMs: 400 })
  await spool.append(message('a v=1 1'))
  await sleep(450)
  files.failure = operation => (operation === 'sync' ? 'EIO' : null)
  const appended = spool.append(message('b v=2 2'))
  await sleep(50)
  files.failure = () => null
  await appended
})

it('is well again by itself when the disk is, with nobody sending', async () => {
  const files = new SimulatedDisk(seeded(4))
  const { spool } = open(files, { holdMs: 0 })
  files.failure = () => 'ENOSPC'
  await expect(spool.append(message('a v=1 1'))).rejects.toMatchObject({ code: 'SPOOL_FAILING' })
  expect(spool.failure).not.toBeNull()
  files.failure = () => null
  await sleep(700)
  expect(spool.failure).toBeNull()
  await spool.close()
})

it('what nobody waits for is counted when it is lost: to the disk, and to the bound on what waits for it', async () => {
  const files = new SimulatedDisk(seeded(5))
  const { spool } = open(files, { holdMs: 0, maxPendingMessages: 3 })
  files.failure = () => 'EIO'
  for (let i = 0; i < 5; i++) void spool.append(message(`m v=${i} ${i}`, false))
  await sleep(50)
  files.failure = () => null
  await spool.append(message('kept v=1 1'))
  expect(spool.totals).toMatchObject({ received: 6, messages: 1, dropped: { disk: 3, busy: 2 } })
})

it('refuses at once what is beyond the bound, and takes messages again when there is less', async () => {
  const files = new SimulatedDisk(seeded(6))
  const { spool } = open(files, { maxPendingMessages: 10 })
  const appended = Array.from({ length: 12 }, (_, i) => spool.append(message(`m v=${i} ${i}`)))
  const outcomes = await Promise.allSettled(appended)
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(2)
  await spool.append(message('later v=1 1'))
})

it('a reader near the tail never keeps bytes that were still being written', async () => {
  const files = new SimulatedDisk(seeded(7))
  const { spool } = open(files)
  await spool.append(message('a v=1 1'))
  // The next block is half there, as a reader may see it between write and fsync.
  const file = files.open(segmentPath('spool', 1), 'update')
  file.writeNow(Buffer.from('TBLK half of a block'), spool.tail.offset)
  const reader = new SpoolReader('spool', { block: 0, segment: 0, offset: 0 }, files)
  expect(reader.read(spool.tail, 10)).toHaveLength(1)
  await spool.append(message('b v=2 2'))
  expect(reader.read(spool.tail, 10).map(({ block }) => block.lines.toString())).toEqual(['b v=2 2\n'])
  expect(reader.damage).toEqual([])
})

it('a segment that cannot be opened for now is not one that is gone', async () => {
  const files = new SimulatedDisk(seeded(8))
  const { spool } = open(files, { segmentBytes: 1 })
  for (let i = 0; i < 4; i++) await spool.append(message(`m v=${i} ${i}`))
  const busy = Object.assign(Object.create(files), {
    open() {
      throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
    },
  }) as SimulatedDisk
  const reader = new SpoolReader('spool', { block: 0, segment: 1, offset: 0 }, busy)
  expect(() => reader.read(spool.tail, 10)).toThrow('EMFILE')
  expect(reader.position.segment).toBe(1)
})

it('numbers of a file that was damaged as a whole are not used again', async () => {
  const files = new SimulatedDisk(seeded(9))
  const { spool } = open(files, { segmentBytes: 400 })
  for (let i = 0; i < 6; i++) await spool.append(message(`m v=${i} ${i}`))
  const last = listSegments('spool', files).at(-1)!
  const file = files.open(segmentPath('spool', last), 'update')
  file.writeNow(Buffer.alloc(file.size()), 0)
  const { spool: again, commits } = open(files)
  await again.append(message('next v=1 1'))
  expect(commits[0]!.block).toBeGreaterThan(6)
})
