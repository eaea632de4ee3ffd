import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['dot', './scripts/vitest-summary.ts'],
    // Suites over real HTTP and workerd share two cores with everything else.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is asked again and again has as long as a slow machine needs: only a test that fails takes it.
    expect: { poll: { timeout: 15_000 } },
    restoreMocks: true,
  },
})
