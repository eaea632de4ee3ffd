import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tools/vitest-sequencer.ts'
import { filesOf, PROJECTS } from './test/projects.ts'
import type { Part } from './test/projects.ts'

const part = (process.env['KEDGE_TESTS'] ?? 'all') as Part

export default defineConfig({
  test: {
    reporters: ['./tools/vitest-reporter.ts'],
    // By default Vitest uses a core less. While one suite waits for its server, another one computes.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    // Suites over real HTTP and workerd share two cores with everything else.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is asked again and again has as long as a slow machine needs: only a test that fails takes it.
    expect: { poll: { timeout: 15_000 } },
    restoreMocks: true,
    projects: PROJECTS.map((project) => ({
      extends: true,
      test: {
        name: project.name,
        ...filesOf(project, part),
        globalSetup: [...(project.globalSetup ?? [])],
        ...(project.shares === true ? { isolate: false, pool: 'threads' } : {}),
      },
    })).filter(({ test }) => test.include.length > 0),
  },
})
