import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('where there is no Docker, the verification says SKIPPED, and neither passes nor fails', () => {
  const { stdout, status } = spawnSync(process.execPath, [join(import.meta.dirname, 'verify.ts')], {
    env: { PATH: '/nowhere' },
    encoding: 'utf8',
  })
  expect(stdout).toMatch(/^SKIPPED: Docker is not installed; nothing was verified$/m)
  expect(stdout).not.toMatch(/PASSED|FAILED/)
  expect(status).toBe(0)
})
