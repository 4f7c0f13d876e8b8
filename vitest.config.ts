import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{broker,bridge,simulators,dashboards,scripts}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/*.long.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
