/** Real disks that fail on command: a preloaded shim, a small tmpfs, an image that is cut off its power. */

import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DiskFaults {
  /** For the environment of the process that is to meet the faults. */
  readonly env: Readonly<Record<string, string>>
  /** Such as `fdatasync EIO 20`: call, error, percent. None: the disk is well again. */
  set(...faults: string[]): void
}

/** Faults for files below `prefix`; `dir` is for the shim. Throws, with what to install, where there is no compiler. */
export function diskFaults(prefix: string, dir: string): DiskFaults {
  const library = join(dir, 'fault-shim.so')
  const source = join(import.meta.dirname, 'fault-shim.c')
  const { error, status, stderr } = spawnSync('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    library,
    source,
    '-ldl',
  ])
  if (error)
    throw new Error('gcc is missing: disk faults cannot be tested (Debian: apt-get install gcc libc6-dev)')
  if (status !== 0) throw new Error(`fault-shim.c does not compile: ${stderr}`)
  const control = join(dir, 'faults')
  writeFileSync(control, '')
  return {
    env: { LD_PRELOAD: library, FAULT_CONTROL: control, FAULT_PREFIX: prefix },
    set: (...faults) => writeFileSync(control, faults.map(fault => `${fault}\n`).join('')),
  }
}

/** A folder of `megabytes`; `unmount` takes it away. Null, with the reason told, where mounting is forbidden. */
export function smallDisk(dir: string, megabytes: number): { unmount(): void } | null {
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', dir])
  if (status !== 0) {
    console.error(`NOT TESTED: a full disk; mounting a tmpfs is not allowed here: ${stderr}`)
    return null
  }
  return { unmount: () => void spawnSync('umount', ['-l', dir]) }
}

/** An ext4 of its own in a file: what the file holds when the writer is stopped is what the platter would hold. */
export class ImageDisk {
  readonly #image: string
  readonly #dir: string
  #device: string

  private constructor(image: string, dir: string, device: string) {
    this.#image = image
    this.#dir = dir
    this.#device = device
  }

  /** Null, with the reason told, where the machine forbids loop devices or mounts. */
  static mount(image: string, dir: string, megabytes: number): ImageDisk | null {
    try {
      execFileSync('truncate', ['-s', `${megabytes}M`, image])
      // No reserved blocks, a small journal; 512-byte tearing is left to the simulated disk.
      execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], { stdio: 'pipe' })
      return new ImageDisk(image, dir, attach(image, dir))
    } catch (error) {
      console.error(`NOT TESTED: power cuts; loop devices are not allowed here: ${(error as Error).message}`)
      return null
    }
  }

  /** What the device holds now, while whoever writes is stopped. */
  copy(): void {
    copyUntilStill(this.#image, `${this.#image}.copy`)
  }

  /** The power is back: the page cache is gone, the journal is replayed. */
  useCopy(): void {
    this.unmount()
    execFileSync('mv', [`${this.#image}.copy`, this.#image])
    this.#device = attach(this.#image, this.#dir)
  }

  unmount(): void {
    if (spawnSync('umount', [this.#dir]).status !== 0) spawnSync('umount', ['-l', this.#dir])
    spawnSync('losetup', ['-d', this.#device])
  }
}

function attach(image: string, dir: string): string {
  const device = execFileSync('losetup', ['-f', '--show', '--direct-io=on', image], { stdio: 'pipe' })
    .toString()
    .trim()
  execFileSync('mount', [device, dir], { stdio: 'pipe' })
  return device
}

/** The kernel may still be writing what it began: two equal copies are one moment. */
function copyUntilStill(image: string, copy: string): void {
  const again = `${copy}.again`
  execFileSync('cp', ['--sparse=always', image, copy])
  for (let attempt = 0; attempt < 20; attempt++) {
    execFileSync('cp', ['--sparse=always', image, again])
    if (spawnSync('cmp', ['-s', copy, again]).status === 0) {
      execFileSync('rm', [again])
      return
    }
    execFileSync('mv', [again, copy])
  }
  throw new Error('the image does not come to rest')
}
