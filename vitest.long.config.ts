import { defineConfig } from 'vitest/config'

/** `npm run test:long`: one file after the other, each in its own bounds of time, with a report on the way. */
export default defineConfig({
  test: {
    include: ['{broker,bridge,simulators,dashboards,scripts}/**/*.long.test.{ts,tsx}'],
    exclude: ['**/node_modules/**'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    disableConsoleIntercept: true,
  },
})
