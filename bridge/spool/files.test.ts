import { constants, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { disk } from './files.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-files-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

it.runIf(process.platform === 'linux')(
  'the kernel returns from a write to a new file when it is on the disk',
  () => {
    const path = join(dir, 'new')
    const file = disk.create(path)
    const fd = readdirSync('/proc/self/fd').find(name => pathOf(name) === path)
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    file.close()
    expect(Number.parseInt(flags ?? '', 8) & constants.O_DSYNC).toBe(constants.O_DSYNC)
  },
)

it('a durable write stands where it was told to, also in a file that was there', async () => {
  const path = join(dir, 'file')
  const created = disk.create(path)
  created.writeNow(Buffer.from('head'), 0)
  await created.writeDurably(Buffer.from('first'), 4)
  created.close()
  const opened = disk.open(path, 'update')
  await opened.writeDurably(Buffer.from('HEAD'), 0)
  opened.close()
  expect(disk.readWhole(path).toString()).toBe('HEADfirst')
})

/** The descriptors that listing them took are gone already. */
function pathOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
