/**
 * What is bundled into the package and so not installed beside it. The reasons: docs/decisions (decision 99).
 *
 * `hono` is an optional peer too (decision 100): the types of `kedge/worker` speak of it, and users of the
 * middleware have installed it. So is `prom-client`: who uses `kedge/adapters/prom-client` gives it its own.
 *
 * @module
 */
export const BUNDLED: readonly string[] = [
  '@hono/node-server',
  '@platformatic/kafka',
  'commander',
  'hono',
  'lossless-json',
  'prom-client',
  'ws',
]
