import { closeSync, fsyncSync, ftruncateSync, openSync } from 'node:fs'

/** Cuts a file to `bytes`, durably, through a descriptor of its own. */
export function cutFile(path: string, bytes: number): void {
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes the names in a directory durable: files created, renamed, removed. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
