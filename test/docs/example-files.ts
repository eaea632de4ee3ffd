/** Which files of the examples are programs: `examples.test.ts` runs each of them. @module */
export const EXAMPLES: readonly string[] = ['examples/*.ts', 'examples/*/run.ts']
